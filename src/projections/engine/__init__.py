"""The engine: a projector is a value, and one fold runs all of them."""
