"""Satisfaction: what a customer said last, of which surveys, and whether they may be asked again."""
