"""Any SQLite database of another program, read as the untrusted file that it is."""
