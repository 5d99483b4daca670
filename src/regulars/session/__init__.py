"""A session: the store, the clock, the actor, and the viewpoint of a query."""
