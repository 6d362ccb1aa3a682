"""How much of a change the tests notice: `python -m tests.mutations --count 40 --seed 7`."""
