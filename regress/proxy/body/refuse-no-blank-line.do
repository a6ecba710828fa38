strip setup.exe
