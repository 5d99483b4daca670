"""Encryption keys, personal data under them, and the erasure of both: in the database, and in its files."""
