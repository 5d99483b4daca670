"""The log of events: rows and their codec, the positions they get, and what is noted with them."""
