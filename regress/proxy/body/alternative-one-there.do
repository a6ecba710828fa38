disclaimer Example GmbH, Zuerich
