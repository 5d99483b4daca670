"""Whether a text from outside names a person: by a reference, an e-mail or a phone number of theirs.

A name alone is no sign: others have the same. What is found stands by itself in the text, as a field of a row does, and
not within a longer word: `shop:4` is not in `shop:42`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from adapters.keyring import normalised

_BEFORE, _AFTER = r"(?<![\w@+:/-])(?<!\w\.)", r"(?![\w@+:/-])(?!\.\w)"
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]*[0-9]")
_SHORTEST_PHONE = 6  # digits; what is shorter is found only as it was written


class Names:
    """What a person is called by. `spellings` are references and e-mails, in any case; `phones` however written."""

    def __init__(self, spellings: Iterable[str], phones: Iterable[str]) -> None:
        numbers = frozenset(phones)
        words = sorted({*spellings, *numbers} - {""}, key=lambda word: (-len(word), word))
        self._words = re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, words))}){_AFTER}", re.IGNORECASE)
        self._nobody = not words
        self._digits = frozenset(
            digits for number in numbers if len(digits := normalised("phone", number)) >= _SHORTEST_PHONE
        )

    def are_in(self, text: str) -> bool:
        """Whether a text names the person."""
        if self._nobody:
            return False
        if self._words.search(text):
            return True
        return bool(self._digits) and any(normalised("phone", each) in self._digits for each in _PHONE.findall(text))
