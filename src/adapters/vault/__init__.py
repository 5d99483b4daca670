"""Keys, what they encrypt, and destroying both: in the database, and in its files."""
