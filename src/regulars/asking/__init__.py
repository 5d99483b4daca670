"""Asking: one customer, lists, tickets, the audit trail, the feed, and the values they answer with."""
