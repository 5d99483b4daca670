"""The projection: whether a customer is due to buy an item again."""

from __future__ import annotations

from regulars.projections.due_again.explain import explain
from regulars.projections.due_again.items import HANDLES, ITEMS, items_under, of_item
from regulars.projections.due_again.judge import DueVerdict, judge
from regulars.projections.engine.projector import Key, Projector

VERSION = 1

DUE_AGAIN = Projector(
    name="due_again",
    question="Is this item due to be bought again?",
    version=VERSION,
    facts=ITEMS,
    handles=HANDLES,
    standing=type(None),
    judges_by=("due_again",),
    judge=judge,
    explain=explain,
    verdict=DueVerdict,
    key=Key(name="item", among=items_under, facts=of_item),
    lists_by=("value", "due"),
)
