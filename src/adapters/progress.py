"""How far something has come that takes long."""

from __future__ import annotations

from collections.abc import Callable

#: (done so far, in all)
Progress = Callable[[int, int], None]
