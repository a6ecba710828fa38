strip setup.exe
notice 첨부 파일이 제거되었습니다
