"""Seals over blocks of the log: making them, and checking the log against them."""
