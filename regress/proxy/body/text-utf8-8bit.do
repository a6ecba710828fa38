disclaimer Example GmbH, Zürich
