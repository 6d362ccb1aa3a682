"""Reads libraries of InvokeAI, from its database of version 4.0 on, and never writes them."""
