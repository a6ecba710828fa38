strip 설치.exe
