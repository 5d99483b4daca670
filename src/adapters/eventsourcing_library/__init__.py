"""The `eventsourcing` library's doors: its applications in our database, and our log for its followers."""
