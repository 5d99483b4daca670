"""Events and text in words, for people."""
