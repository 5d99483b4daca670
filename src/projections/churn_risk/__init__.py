"""Churn risk: how likely it is that a customer is slipping away."""
