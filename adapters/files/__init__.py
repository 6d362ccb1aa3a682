"""Bytes on disk: model files, source images, and the library's own folder."""
