"""The change feed: what changed for whom since a subscriber last heard, in batches that are kept until acknowledged."""
