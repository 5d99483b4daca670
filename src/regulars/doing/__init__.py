"""Doing: commands, imports, forgetting, and how a unit of work carries them out."""
