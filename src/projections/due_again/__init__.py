"""Due again: when a customer is expected to buy an item again."""
