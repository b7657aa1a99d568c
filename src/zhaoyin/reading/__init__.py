"""A document → facts, each with the characters that prove it."""
