"""Tests of what is read of other managers' libraries, without any disk."""
