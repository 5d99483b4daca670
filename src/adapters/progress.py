"""The type of a callback for the progress of long work."""

from __future__ import annotations

from collections.abc import Callable

#: (done so far, in all)
Progress = Callable[[int, int], None]
