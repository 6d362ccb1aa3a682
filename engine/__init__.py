"""What must be true of a migration, and in what order; knows no SQL, HTTP or terminal."""

__version__ = "0.1.0"
"""The one place that the version is written; the build reads it here."""
