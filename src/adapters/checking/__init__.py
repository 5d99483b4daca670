"""Checks of the records: keys, indexes, outcomes, currency and rules compared with the log, and the database's
integrity.
"""
