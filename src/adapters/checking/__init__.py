"""Checks: comparing with the log what is stored beside it and isn't folded from it."""
