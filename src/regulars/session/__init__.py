"""A session: the store, the clock, who acts, and from which viewpoint is asked."""
