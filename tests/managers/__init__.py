"""Small libraries of other managers, written after the formats' facts, each with a table of what
every model in it must become."""
