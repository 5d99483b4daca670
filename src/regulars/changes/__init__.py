"""The change feed: what changed between two states of the store, told once and kept until it is acknowledged."""
