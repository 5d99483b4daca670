"""The facts of a customer, and the table of those that rules may ask."""
