"""Pure facts and decisions: what things are and what becomes of them; no effects."""
