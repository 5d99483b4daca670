"""Maintenance of a store: read models, and the master key."""
