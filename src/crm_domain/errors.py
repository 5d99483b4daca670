"""What goes wrong on purpose. Everything here is a RegularsError and reads as one sentence."""

from __future__ import annotations


class RegularsError(Exception):
    """The root of every error this library raises on purpose."""


class Rejected(RegularsError):
    """A command broke a rule of the domain; nothing was written.

    `code` is stable and meant for programs; the message is one sentence meant for people.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[type[Rejected], tuple[str, str]]:
        return type(self), (self.code, str(self))


class NotFound(RegularsError):
    """No customer, order or file answers to what was asked for."""


class Conflict(RegularsError):
    """Another writer was quicker on a stream, and the bounded number of retries was used up.

    `stream` is the stream's id, `expected` the version the write was based on, `actual` the version found.
    """

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream} is at version {actual}, but the write expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual

    def __reduce__(self) -> tuple[type[Conflict], tuple[str, int, int]]:
        return type(self), (self.stream, self.expected, self.actual)


class StoreBusy(RegularsError):
    """The database stayed locked, or its readable horizon stayed behind, for longer than the time allowed."""


class StoreUnusable(RegularsError):
    """The database can't be used as it is: not ours, newer than this code, read-only, or another currency."""


class MailServerUnusable(RegularsError):
    """A mail server can't be reached, or takes nothing from this sender: what is being sent stays to be sent."""


class InvalidRules(RegularsError):
    """A ruleset breaks the grammar; the message names each key, what was found and what is allowed."""


class InvalidMapping(RegularsError):
    """An import mapping breaks its grammar, or doesn't fit the file it is used on."""


class ParkedCustomer(RegularsError):
    """An event that can't be folded keeps its customer from being folded on; the message names both, and why."""


class StaleProjections(UserWarning):
    """Other code folded what a store has folded in, so lists stay as they were until it is rebuilt."""
