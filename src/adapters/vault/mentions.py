"""Whether a text names a person, by any current or former reference, name, e-mail or phone number.

How sure a match must be depends on its use, so there are three questions:

1. `are_in`: a subject access request must not return rows about other people, so a name alone is no match, as others
   have the same, and a phone number must match as a whole.
2. `may_be_in`: a rejected row is dropped if it may name a forgotten customer, in any spelling: a false positive can be
   imported again with its file, a false negative keeps personal data. A name matches where words of the text begin with
   its words, in any order, and a phone number by its last seven digits. `may_be_misread_in` asks the same of a text
   that was read in a wrong encoding.
3. `betrayed_by`: the reason of an erasure is kept in the clear for good, so it must not contain any part of a name.

A match stands by itself in the text, as a field of a row does, and not within a longer word: `shop:4` is not in
`shop:42`. Scripts without spaces between words, where nothing stands by itself, are the exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from unicodedata import category, normalize

from msgspec import Struct

from regulars.adapters.vault.misread import in_ascii
from regulars.adapters.vault.normal_form import bare, plain
from regulars.crm_domain.event import Event

_SHORTEST_PHONE = 6  # digits; what is shorter is found only as it was written
_END_OF_PHONE = 7  # digits, which stay the same whatever is dialled before them
_SHORTEST_PART = 3  # letters; in scripts that write a syllable or a word by a character, two

_BEFORE, _AFTER = (r"[\w@+:/-]", r"\w\."), r"(?![\w@+:/-])(?!\.\w)"
_BEFORE_MAIL, _AFTER_MAIL = (r"[\w@+-]", r"\w\."), r"(?![\w@-])(?!\.\w)"
_LETTER = r"[^\W_]"
_END = rf"(?!{_LETTER})"
_WORD = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"[\s,;]+")
_BETWEEN_WORDS = r"[\W_]*"
_BETWEEN_DIGITS = r'[^\w\n\t,;:"+#|]{0,4}'  # no separator of fields
_AT = r"\s*(?:@|[(\[{]\s*at\s*[)\]}]|\bat\b)\s*"
_NEVER = re.compile(r"(?!)")


class Details(Struct, frozen=True, kw_only=True):
    """Current and former references, names, e-mails and phone numbers of some people."""

    refs: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()


def details_of(events: Iterable[Event]) -> Details:
    """The details in some events, earlier ones included."""
    found: dict[str, set[str]] = {"ref": set(), "name": set(), "email": set(), "phone": set()}
    for event in events:
        for kind, values in found.items():
            value = getattr(event, kind, None)
            if value is not None:
                values.add(value)
    refs, names, emails, phones = map(frozenset, found.values())
    return Details(refs=refs, names=names, emails=emails, phones=phones)


class Names:
    """Searches texts for the details of some people."""

    def __init__(self, *details: Details) -> None:
        self._details = Details(
            refs=frozenset().union(*(each.refs for each in details)),
            names=frozenset().union(*(each.names for each in details)),
            emails=frozenset().union(*(each.emails for each in details)),
            phones=frozenset().union(*(each.phones for each in details)),
        )

    def are_in(self, text: str) -> bool:
        """Whether a text certainly names one of them."""
        return self._surely.search(_without_trunk_zero(plain(text))) is not None

    def may_be_in(self, text: str) -> bool:
        """Whether a text may name one of them."""
        text = bare(text)
        # Most texts have nothing of it, which is told at once by what would have to be there.
        for key, pattern in self._written:
            if key in text and pattern.search(text) is not None:
                return True
        for key, words in self._words_of_names:
            if key in text and all(word.search(text) for word in words):
                return True
        if self._ends_of_phones.search(text) is None:
            return False
        return self._likely_phones.search(_without_trunk_zero(text)) is not None

    def may_be_misread_in(self, text: str) -> bool:
        """Whether a text that was read in a wrong encoding may name one of them. Whose name has hardly a letter of
        ASCII may be in any.
        """
        text = in_ascii(text)
        if self._is_beyond_ascii or self.may_be_in(text) or self._in_ascii.may_be_in(text):
            return True
        letters = bare(text)  # of which none says where a word begins
        return any(
            pieces and all(any(each in letters for each in piece) for piece in pieces)
            for pieces in self._pieces_in_ascii
        )

    def are_cut_in(self, text: str) -> bool:
        """Whether a text that could not be parsed has what may be the end of a reference: 42 of shop:42."""
        return self._tails.search(bare(text)) is not None

    def betrayed_by(self, reason: str) -> str | None:
        """The kind of detail that a text reveals, in words that don't repeat it; None where it reveals none."""
        text = bare(reason)
        if self._any_mails.search(text) is not None:
            return "it has an e-mail address of theirs"
        if self._any_refs.search(text) is not None:
            return "it has a reference of theirs, or what makes it theirs"
        if self._likely_phones.search(_without_trunk_zero(text)) is not None:
            return "it has a phone number of theirs, or the end of one"
        for number, word in enumerate(reason.split(), start=1):
            if self._parts_of_names.search(bare(word)) is not None:
                return f"its word {number} is, or begins like, part of a name of theirs"
        return None if self._parts_of_names.search(text) is None else "it has part of a name of theirs"

    # -------------------------------------------------------------------------------------------------- what is sought

    @cached_property
    def _surely(self) -> re.Pattern[str]:
        known = self._details
        return _any_of(
            *(_alone(plain(ref), _BEFORE, _AFTER) for ref in known.refs),
            *(_alone(_address(plain(email)), _BEFORE_MAIL, _AFTER_MAIL) for email in known.emails),
            *(_alone(phone, _BEFORE, _AFTER) for phone in map(plain, known.phones) if not _is_long(phone)),
            *(_whole_phone(phone) for phone in known.phones if _is_long(phone)),
        )

    @cached_property
    def _written(self) -> list[tuple[str, re.Pattern[str]]]:
        """Patterns of details that are found as they are written, each with a literal that any match contains."""
        known = self._details
        words = {*map(bare, known.refs), *(bare(phone) for phone in known.phones if not _is_long(phone))}
        mails = {_address(bare(email)) for email in known.emails}
        return [
            *((_longest(each.split()), re.compile(_alone(each, _BEFORE, _AFTER))) for each in words if each.strip()),
            *((each, re.compile(_alone(each, _BEFORE_MAIL, _AFTER_MAIL))) for each in mails if each),
        ]

    @cached_property
    def _words_of_names(self) -> list[tuple[str, list[re.Pattern[str]]]]:
        """Patterns of the words of each name, with a literal that any match contains."""
        names = [words for words in map(_words_of, self._details.names) if words]
        return [
            (
                _longest([piece for pieces in words for piece in pieces]),
                [re.compile(pattern) for pieces in words for pattern in _needed(pieces)],
            )
            for words in names
        ]

    @cached_property
    def _in_ascii(self) -> Names:
        """Those whose reference or address has letters beyond ASCII, by what is left without them."""
        refs = frozenset(in_ascii(each) for each in self._details.refs if not each.isascii())
        emails = frozenset(in_ascii(each) for each in self._details.emails if not each.isascii())
        return Names(Details(refs=refs, emails=emails))

    @cached_property
    def _pieces_in_ascii(self) -> list[list[set[str]]]:
        """The pieces of each name with letters beyond ASCII, as a text may have them: with and without these."""
        names = [_WORD.findall(normalize("NFC", name)) for name in self._details.names if not name.isascii()]
        telling = [[piece for piece in pieces if _is_telling(bare(piece))] or pieces for pieces in names]
        return [[{bare(piece), bare(in_ascii(piece))} for piece in pieces] for pieces in telling]

    @cached_property
    def _is_beyond_ascii(self) -> bool:
        names = [name for name in self._details.names if not name.isascii() and _pieces(name)]
        return any(len("".join(_pieces(in_ascii(name)))) < _SHORTEST_PART for name in names)

    @cached_property
    def _likely_phones(self) -> re.Pattern[str]:
        long = list(filter(_is_long, self._details.phones))
        return _any_of(*map(_phone_from_abroad, long), *map(_end_of_phone, long), *map(_last_digits, long))

    @cached_property
    def _ends_of_phones(self) -> re.Pattern[str]:
        long = filter(_is_long, self._details.phones)
        return _any_of(*(_BETWEEN_DIGITS.join(_digits(phone)[-_SHORTEST_PHONE:]) for phone in long))

    @cached_property
    def _tails(self) -> re.Pattern[str]:
        tails = {bare(_tail(ref)) for ref in self._details.refs}
        return _any_of(*(_alone(tail, _BEFORE, _AFTER) for tail in tails if tail.strip()))

    @cached_property
    def _any_refs(self) -> re.Pattern[str]:
        refs = self._details.refs
        tails = (tail for tail in map(_tail, refs) if len(tail) >= _SHORTEST_PART)
        words = (pieces for each in {*refs, *tails} if (pieces := _pieces(each)))
        return _any_of(*(_spelled(pieces) + _END for pieces in words))

    @cached_property
    def _any_mails(self) -> re.Pattern[str]:
        parts = (_address(bare(email)).partition("@") for email in self._details.emails)
        return _any_of(*(re.escape(local) + _AT + re.escape(domain) + _END for local, _, domain in parts if local))

    @cached_property
    def _parts_of_names(self) -> re.Pattern[str]:
        return _any_of(*{part for name in self._details.names for part in _parts_of(name)})


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(sorted(patterns))) if patterns else _NEVER


def _alone(text: str, before: Iterable[str], after: str) -> str:
    """A text in any spacing, with none of these before it. The text comes first, so that the search is quick."""
    if not text.split():
        return _NEVER.pattern
    first, *others = map(re.escape, text.split())
    return r"\s+".join([first + "".join(f"(?<!{each}{first})" for each in before), *others]) + after


def _spelled(pieces: Sequence[str]) -> str:
    """A word's pieces with whatever is between them; at the beginning of a word, where a script has any."""
    first, *others = pieces
    beginning = first if _stands_within("".join(pieces)) else f"{first}(?<!{_LETTER}{first})"
    return _BETWEEN_WORDS.join([beginning, *others])


def _pieces(text: str) -> list[str]:
    return _WORD.findall(bare(text))


def _longest(pieces: Iterable[str]) -> str:
    return max(pieces, key=len)


def _tail(ref: str) -> str:
    """The part of a reference that a file may have alone: 42 of shop:42."""
    return ref.rpartition(":")[2]


def _address(email: str) -> str:
    return email.strip().rstrip(".")


# --------------------------------------------------------------------------------------------------------------- phones


def _without_trunk_zero(text: str) -> str:
    """`+49 (0)30 …` is dialled without that zero."""
    return text.replace("(0)", "") if "(0)" in text else text


def _digits(phone: str) -> str:
    """The digits of a number, without what is dialled before it from elsewhere or at home, if enough are left."""
    digits = re.sub("[^0-9]", "", _without_trunk_zero(plain(phone)))
    return short if len(short := digits.lstrip("0")) >= _SHORTEST_PHONE else digits


def _is_long(phone: str) -> bool:
    return len(_digits(phone)) >= _SHORTEST_PHONE


def _has_country(phone: str) -> bool:
    return plain(phone).lstrip(" (").startswith(("+", "00"))


def _whole_phone(phone: str) -> str:
    """A number with all its digits and no others before them, in whatever groups."""
    before = r"(?<![0-9])(?<![0-9][ ()./-])0{0,2}"
    if _has_country(phone):
        before = rf"(?:\+|{before})"
    return f"{before}{_BETWEEN_DIGITS}{_BETWEEN_DIGITS.join(_digits(phone))}(?![0-9])"


def _phone_from_abroad(phone: str) -> str:
    """A number with all its digits; before one without a country may be any."""
    before = "0{0,2}" if _has_country(phone) else "[0-9]{0,8}"
    return rf"(?<![0-9]){before}{_BETWEEN_DIGITS}{_BETWEEN_DIGITS.join(_digits(phone))}(?![0-9])"


def _end_of_phone(phone: str) -> str:
    """The last digits of a number, six at least, where what stands before them isn't another number's."""
    digits, before = _digits(phone), ""
    for digit in digits[:-_SHORTEST_PHONE]:
        before = f"(?:{before}{digit}{_BETWEEN_DIGITS})?"
    end = _BETWEEN_DIGITS.join(digits[-_SHORTEST_PHONE:])
    return rf"(?<![0-9])(?:0{{0,2}}|[1-9][0-9]{{0,2}}0){_BETWEEN_DIGITS}{before}{end}(?![0-9])"


def _last_digits(phone: str) -> str:
    """The last seven digits of a number, whatever stands before them."""
    digits = _digits(phone)
    if len(digits) < _END_OF_PHONE:
        return _NEVER.pattern
    return f"{_BETWEEN_DIGITS.join(digits[-_END_OF_PHONE:])}(?![0-9])"


# ---------------------------------------------------------------------------------------------------------------- names


def _stands_within(text: str) -> bool:
    """Whether it is written in a script that doesn't set its words apart."""
    return any(category(each) == "Lo" for each in text)


def _is_telling(text: str) -> bool:
    return len(text) >= (2 if _stands_within(text) else _SHORTEST_PART)


def _words_of(name: str) -> list[list[str]]:
    """The words of a name, each by its pieces (Karl-Heinz has two); short ones only where all are."""
    words = [pieces for word in _SPACE.split(bare(name)) if (pieces := _WORD.findall(word))]
    return [pieces for pieces in words if _is_telling("".join(pieces))] or words


def _needed(pieces: Sequence[str]) -> list[str]:
    """What a text has that has a word of a name: all its pieces, each at the beginning of a word of its own or where it
    stands in the whole; short words have to end, too, but for the genitive.
    """
    whole = _spelled(pieces)
    if not _is_telling("".join(pieces)):
        return [f"{whole}s?{_END}"]
    return [f"{_spelled([piece])}|{whole}" for piece in pieces if _is_telling(piece)] or [whole]


def _parts_of(name: str) -> set[str]:
    """Every part of a name that could give it away: those of some letters, and the first and the last."""
    words = [pieces for word in name.split() if (pieces := _pieces(word))]
    if not words:
        return set()
    parts = [[piece] for pieces in words for piece in pieces] + words
    ends = [[piece] for pieces in (words[0], words[-1]) for piece in pieces if len(piece) == _SHORTEST_PART - 1]
    return {_spelled(part) for part in parts if _is_telling("".join(part))} | {_spelled(end) + _END for end in ends}
