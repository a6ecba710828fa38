strip setup.exe
notice It was removed.
