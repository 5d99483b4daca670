"""The store: a database with our tables, its migrations, and its transactions."""
