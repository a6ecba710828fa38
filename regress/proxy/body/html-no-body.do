disclaimer Example Ltd.
disclaimer 
disclaimer   This is <private> & confidential.
