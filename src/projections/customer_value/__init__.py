"""Customer value: what a customer is worth by what they bought lately."""
