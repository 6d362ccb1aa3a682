"""Reads trees of model files, with whatever any manager has put beside and into them."""
