"""Tasks: whether each is open, snoozed, overdue, done or dropped, and when it is due."""
