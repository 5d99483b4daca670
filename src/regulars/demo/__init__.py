"""The demo: two years of a small coffee roaster's web shop, simulated, recorded and walked through."""

from regulars.demo.walkthrough import run

__all__ = ["run"]
