"""Pipeline: where an opportunity stands, what it is worth, and how likely it is to be won."""
