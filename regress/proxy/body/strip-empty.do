strip empty.bin
