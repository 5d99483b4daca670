"""The log of events: encoding and decoding, appending at positions, and queries."""
