strip encrypted.asc
