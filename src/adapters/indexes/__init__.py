"""Indexes: rows that follow from single events, written with them, compared with the log and put right from it."""
