"""Adapters for the `eventsourcing` library: its applications in our database, and our log for its followers."""
