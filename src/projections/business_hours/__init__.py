"""Business hours: when the business is open, as rules data."""
