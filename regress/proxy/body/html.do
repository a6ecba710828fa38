disclaimer Example Ltd.
disclaimer 
disclaimer   This is <private> & confidential.
disclaimer Example GmbH, Zürich
