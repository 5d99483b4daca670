"""Comparing what is kept beside the log, and isn't folded from it, with the log."""
