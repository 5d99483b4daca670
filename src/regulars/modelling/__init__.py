"""Models of value: numbers in, numbers out. It takes the extra `models`, and knows of no store.

Weeks, buying days and whole units of currency throughout; Buyers says what is known of each customer.
"""
