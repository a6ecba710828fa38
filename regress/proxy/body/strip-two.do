strip setup.exe
strip b.exe
