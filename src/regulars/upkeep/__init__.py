"""Looking after a store: read models, keys, and bringing a backup back."""
