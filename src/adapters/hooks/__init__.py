"""Hooks as they are stored: where to post changes, the secrets to sign with, and what is still to be posted."""
