"""A question to whoever is at the terminal."""

from __future__ import annotations

import sys

import typer


def agrees(question: str) -> bool:
    """Ask on stderr; everything but y or yes is a no."""
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
