strip #2
strip setup.exe
