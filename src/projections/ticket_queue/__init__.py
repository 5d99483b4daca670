"""Ticket queue: where a ticket stands, and whether it is in time."""
