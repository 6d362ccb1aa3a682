"""Previews made with Pillow."""
