"""Indexes: rows that follow from single events, are written with them, and can be compared with the log and
repaired.
"""
