"""Sending offers by mail: the message, a mail server that takes it, and what comes back."""
