"""The command line: arguments, progress on a terminal, closing tables, JSON, and exit codes."""
