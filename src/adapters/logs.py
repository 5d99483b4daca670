"""The loggers of Python's `logging` that Regulars writes to. Messages hold nothing personal.

INFO is for lasting changes (a store is created or migrated, another generation is live), WARNING for what an operator
has to look at (a customer is parked, by id and position), DEBUG for the rest.
"""

from __future__ import annotations

import logging

#: Stores that are made, opened, migrated and closed; writers that wait for each other.
STORE = logging.getLogger("regulars.store")
#: Generations that are built and go live; customers who are parked.
PROJECTIONS = logging.getLogger("regulars.projections")
#: Hooks that are switched off, and changes that are given up; never where to or what is posted.
HOOKS = logging.getLogger("regulars.hooks")

# As the standard library asks of libraries: who doesn't listen isn't spoken to.
logging.getLogger("regulars").addHandler(logging.NullHandler())
