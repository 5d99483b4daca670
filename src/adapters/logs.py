"""What a program may listen to by Python's `logging`: names of loggers, and nothing personal ever.

INFO tells what changed for good (a store was made or migrated, another generation answers), WARNING what somebody has
to look at (a customer is parked, by id and position), DEBUG what passes.
"""

from __future__ import annotations

import logging

#: Stores that are made, opened, migrated and closed; writers that wait for each other.
STORE = logging.getLogger("regulars.store")
#: Generations that are built and go live; customers who are parked.
PROJECTIONS = logging.getLogger("regulars.projections")

# As the standard library asks of libraries: who doesn't listen isn't spoken to.
logging.getLogger("regulars").addHandler(logging.NullHandler())
