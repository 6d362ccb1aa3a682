"""What must be true of a migration, and in what order; knows no SQL, HTTP or terminal."""
