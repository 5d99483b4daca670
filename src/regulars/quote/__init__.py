"""A quote as a page to send or to print."""
