"""The store: a database with our tables in it, its migrations, and the transactions on it."""
