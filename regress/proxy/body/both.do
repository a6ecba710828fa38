strip setup.exe
disclaimer Example GmbH, Zürich
