"""Queries: one customer, lists, tickets, the audit trail, the event feed, and the values they return."""
