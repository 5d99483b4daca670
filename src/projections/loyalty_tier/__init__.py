"""Loyalty tier: what a customer has earned by what they spent."""
