"""The library's database in SQLite: schema, transactions, and the store that applies changes."""
