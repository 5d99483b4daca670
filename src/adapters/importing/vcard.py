"""vCards, as address books export them: each card is a record, its properties are the columns.

A column is a property's name, such as FN, EMAIL or TEL. Of several it is the preferred one, else the first. Pictures
and sounds are passed over. A birthday of which a program says that it left the year out has none, and one of the
Chinese calendar says so.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Sequence

from regulars.adapters.importing.lines import Lines

_PASSED_OVER = frozenset({"PHOTO", "LOGO", "SOUND", "KEY"})
_OMITTED_YEAR = re.compile(r"X-APPLE-OMIT-YEAR=\"?(\d{4})", re.ASCII)
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)


class Cards:
    """The cards of a file as fields and content. It isn't a generator, as it goes on after an error."""

    def __init__(self, lines: Lines, columns: Sequence[str]) -> None:
        self._lines = lines
        self._columns = [column.upper() for column in columns]

    def __iter__(self) -> Iterator[tuple[list[str], list[str]]]:
        return self

    def __next__(self) -> tuple[list[str], list[str]]:
        """Raises StopIteration after the last card, and what reading a line raises."""
        for line in self._lines:
            if line.strip().upper() == "BEGIN:VCARD":
                break
            self._lines.release()
        else:
            raise StopIteration
        properties = self._properties()
        found: dict[str, str] = {}
        for name, parameters, value in properties:
            if name not in found or "PREF" in parameters.upper():
                found[name] = value
        return [found.get(column, "") for column in self._columns], [f"{name}:{value}" for name, _, value in properties]

    def _properties(self) -> list[tuple[str, str, str]]:
        """Name, parameters and value of each property of the card that has begun."""
        unfolded: list[str] = []
        for line in self._lines:
            text = line.rstrip("\r\n")
            if text.strip().upper() == "END:VCARD":
                break
            if text[:1] in (" ", "\t") and unfolded:
                if _name(unfolded[-1]) in _PASSED_OVER:
                    self._lines.forget()
                else:
                    unfolded[-1] += text[1:]
            elif unfolded and _is_soft_broken(unfolded[-1]):
                unfolded[-1] = unfolded[-1][:-1] + text
            else:
                unfolded.append(text)
        return [_property(each) for each in unfolded if ":" in each and _name(each) not in _PASSED_OVER]


def _name(text: str) -> str:
    return text.partition(":")[0].partition(";")[0].rpartition(".")[2].upper()


def _is_soft_broken(text: str) -> bool:
    return text.endswith("=") and "QUOTED-PRINTABLE" in text.partition(":")[0].upper()


def _property(text: str) -> tuple[str, str, str]:
    head, _, value = text.partition(":")
    parameters = head.partition(";")[2]
    if "QUOTED-PRINTABLE" in parameters.upper():
        value = quopri.decodestring(value.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
    value = _BACKSLASHED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    value = value.replace("\0", "").strip()
    return _name(text), parameters, _birthday(parameters.upper(), value) if _name(text) == "BDAY" else value


def _birthday(parameters: str, value: str) -> str:
    """Apple writes a year that means none, and names it; a calendar other than the Gregorian one stands in CALSCALE."""
    left_out = _OMITTED_YEAR.search(parameters)
    if left_out is not None and value.startswith(left_out[1]):
        value = "--" + value[len(left_out[1]) :].lstrip("-")
    return f"lunar:{value}" if "CALSCALE=CHINESE" in parameters else value
