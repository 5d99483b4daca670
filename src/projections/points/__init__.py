"""Points: how many a customer can spend, and when that changes."""
