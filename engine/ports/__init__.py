"""What the engine asks of its surroundings: protocols, and changes as data."""
