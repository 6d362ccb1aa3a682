"""The files that managers write beside a model, each by its own rules."""
