"""The tables and views of a store and of the builds of its read models, and its settings."""
