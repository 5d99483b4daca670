"""The demo: two years of a small coffee roaster's web shop, simulated, recorded and walked through."""

run = None

__all__ = ["run"]
