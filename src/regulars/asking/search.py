"""The search through what was written down in people's own words: notes, summaries, comments, messages.

Such texts stand encrypted in the log, so no index has them: they are decrypted in this process and compared in their
normal form, the latest first. A page looks through a bounded number of them, and says how far it got.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.log.event_log import Search
from regulars.adapters.progress import Progress
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.normal_form import plain
from regulars.asking.customers import parse_cursor
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.spans import ends_too_early
from regulars.asking.texts import texts_of
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import NOBODY
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.wording.sentences import describe

#: So many texts are looked through for one page.
MOST_TEXTS = 10_000
AT_ONCE = 500
BEFORE, BEHIND = 30, 90  # characters of an excerpt around what was sought


@dataclass(frozen=True, slots=True)
class FoundText:
    """A text that has what was sought: whose it is, when it was said, what it is, and the words around.

    `what` says what happened, such as "inbound email"; `event` is the name of its type, and `position` its place in the
    log. `customer_id` and `ref` are those of whom the customer is one with now. `text` is the whole text.
    """

    position: int
    customer_id: CustomerId | None
    ref: str | None
    name: str | None
    at: datetime
    event: str
    what: str
    excerpt: str
    text: str


@dataclass(frozen=True, slots=True)
class SearchPage(Paged[FoundText]):
    """Some texts that have what was sought, the latest first, and where to go on: pass `after` to ask for the next
    page, None where all was looked through.

    `looked_through` is how many texts were decrypted for it, `reached` the time of the earliest event that was looked
    at, and `unreadable` how many events couldn't be decoded. Iterating a page that `goes_on`, because no `limit` was
    given, goes through all that follow as well; `len` and indexes are about this page alone.
    """

    found: tuple[FoundText, ...]
    after: str | None
    looked_through: int
    reached: datetime | None
    unreadable: int = 0
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[FoundText, ...]:
        return self.found


class SearchQuery(Struct, frozen=True, kw_only=True):
    """What is sought, of whom, and when it was said. See Regulars.search."""

    text: str
    customer: str | CustomerId | None
    since: datetime | date | None
    until: datetime | date | None
    limit: int
    goes_on: bool


@traced("search")
def search(session: Session, query: SearchQuery, after: str | None, on_progress: Progress | None) -> SearchPage:
    """A page of texts. Raises NotFound, and ValueError for nothing to seek, a span that ends before it begins, and for
    what no page gave.
    """
    sought = _in_normal_form(query.text)
    if not sought:
        raise ValueError("there is nothing to search for: a text of one letter at least is needed")
    session.store.access.require_keys()
    following = partial(_following, session, query) if query.goes_on else None
    with session.store.reading() as tx:
        return _search(session, tx, query, sought, parse_cursor(after), on_progress, following)


def _following(session: Session, query: SearchQuery, after: str) -> SearchPage:
    return search(session, replace(query, limit=MAX_PAGE), after, None)


def _search(
    session: Session,
    tx: Transaction,
    query: SearchQuery,
    sought: str,
    before: tuple[int, int] | None,
    on_progress: Progress | None,
    following: Following | None,
) -> SearchPage:
    catalogue, zone = session.store.registry.catalogue, session.ruleset(tx).zone
    fields = texts_of(catalogue)
    since = None if query.since is None else first_instant_of(query.since, zone)
    until = None if query.until is None else instant_of(query.until, zone)
    if query.since is not None and since is not None and until is not None and until < since:
        raise ends_too_early(query.since, query.until)
    wanted = Search(
        customer_ids=None if query.customer is None else session.members(tx, query.customer),
        types=frozenset(fields),
        since=since,
        until=until,
    )
    places = tx.log.latest(wanted, MOST_TEXTS + 1, before)
    within = places[:MOST_TEXTS]
    found: list[tuple[Recorded[Event], str]] = []
    looked = decrypted = unreadable = 0
    for begin in range(0, len(within), AT_ONCE):
        some = [position for _, position in within[begin : begin + AT_ONCE]]
        events = {each.position: each for each in _readable(tx, some)}
        for position in some:
            looked += 1
            recorded = events.get(position)
            if recorded is None:
                unreadable += 1
                continue
            texts = _texts_in(recorded.event, fields)
            decrypted += bool(texts)
            text = next((each for each in texts if sought in _in_normal_form(each)), None)
            if text is not None:
                found.append((recorded, text))
                if len(found) == query.limit:
                    break
        if on_progress:
            on_progress(looked, len(within))
        if len(found) == query.limit:
            break
    last = within[looked - 1] if looked else None
    return SearchPage(
        found=tuple(_views(tx, catalogue, sought, found)),
        after=f"{last[0]}:{last[1]}" if last is not None and looked < len(places) else None,
        looked_through=decrypted,
        reached=None if last is None else to_datetime(last[0]),
        unreadable=unreadable,
        following=following,
    )


def _readable(tx: Transaction, positions: list[int]) -> list[Recorded[Event]]:
    """The events at some positions, without those that can't be decoded."""
    try:
        return tx.log.at(positions)
    except StoreUnusable:  # one that can't be read is no reason to be silent about the others
        if len(positions) == 1:
            return []
        half = len(positions) // 2
        return [*_readable(tx, positions[:half]), *_readable(tx, positions[half:])]


def _texts_in(event: Event, fields: Mapping[type[Event], tuple[str, ...]]) -> list[str]:
    """The texts of an event; none where no words were kept, or they were forgotten."""
    kept = (getattr(event, name) for name in fields[type(event)])
    several = (each if isinstance(each, tuple) else (each,) for each in kept)
    return [text for each in several for text in each if isinstance(text, str)]


def _in_normal_form(text: str) -> str:
    """A text with case and width folded, and any white space as one space, as lines break anywhere."""
    return " ".join(plain(text).split())


def _views(
    tx: Transaction, catalogue: Catalogue, sought: str, found: Iterable[tuple[Recorded[Event], str]]
) -> Iterator[FoundText]:
    found = list(found)
    families = tx.families({recorded.customer_id for recorded, _ in found} - {NOBODY})
    roots = {recorded.customer_id: families.root(recorded.customer_id) for recorded, _ in found}
    contacts = read_contacts(tx, {*roots.values()} - {NOBODY})
    for recorded, text in found:
        root = roots[recorded.customer_id]
        contact = contacts.get(root)
        yield FoundText(
            position=recorded.position,
            customer_id=None if root == NOBODY else CustomerId(root),
            ref=None if contact is None else contact.ref,
            name=None if contact is None else contact.name,
            at=to_datetime(recorded.occurred_at),
            event=type(recorded.event).__name__,
            what=describe(recorded.event, catalogue),
            excerpt=excerpt(text, sought),
            text=text,
        )


def excerpt(text: str, sought: str) -> str:
    """The words of a text around what is sought, which is in its normal form, as they were written, in one line."""
    line = " ".join(text.split())
    found = _in_normal_form(line).find(sought)
    # A letter may have several in the normal form, or none.
    ends = list(accumulate(len(plain(letter)) for letter in line))
    at = next((place for place, end in enumerate(ends) if end > found), 0)
    begin, end = max(0, at - BEFORE), min(len(line), at + BEHIND)
    return f"{'…' if begin else ''}{line[begin:end].strip()}{'…' if end < len(line) else ''}"
