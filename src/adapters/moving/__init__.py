"""Backup, restore, copy and export of a store."""
