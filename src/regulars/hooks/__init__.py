"""Webhooks: what changes is posted to addresses outside, signed, in each customer's order, until it was taken.

The flow: `delivering` takes batches of the change feed into rows of its own, and sends them: `message` makes what is
posted, `sending` posts it to an address that `addresses` lets through, `schedule` says when to try again.
"""

from regulars.hooks.hooks import Hooks
from regulars.hooks.values import Attempt, DeadLetter, Delivered, Hook, NewHook

__all__ = ["Attempt", "DeadLetter", "Delivered", "Hook", "Hooks", "NewHook"]
