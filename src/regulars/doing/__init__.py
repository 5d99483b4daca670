"""Carrying out commands, imports and forgetting, in units of work."""
