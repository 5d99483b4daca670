"""Lifecycle stage: the ladder of stages, and where a customer stands on it."""
