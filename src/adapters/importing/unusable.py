"""Why a row can't be mapped to commands."""

from __future__ import annotations

from regulars.adapters.importing.amounts import NotAnAmount
from regulars.crm_domain.explain_invalid import shown


class Unusable(Exception):
    """A row can't be mapped to commands; the message is one sentence."""


def refused_cell(expected: str, column: str, text: str, remedy: str = "") -> str:
    """A sentence on a cell: what was expected in which column, what was found, and what might help."""
    return f"{expected} in {column}, found {shown(text)}{f'; {remedy}' if remedy else ''}"


def refused_amount(problem: NotAnAmount, where: str, text: str) -> str:
    """The sentence for a cell that is no amount."""
    return refused_cell(problem.expected, where, text, problem.remedy)
