"""The rules: their grammar, and what they are compiled to."""
