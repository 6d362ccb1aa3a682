"""Reads libraries of Hikaze Model Manager 1, the legacy format, and never writes them."""
