"""Who may be the same person by a weaker sign: contacts that are nearly the same.

1. E-mail addresses that differ only in dots and in what follows a plus before the `@`, at whatever provider.
2. Phone numbers that differ in how a country is dialled (`+49`, `0049`, `+49 (0)`), or of which one is the other
   without its country: which country it is meant in isn't known, unless the rules in force name a default country.

No index has that, so everyone's contacts are decrypted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial

from msgspec import Struct

from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.cipher import normalised
from regulars.adapters.vault.normal_form import plain
from regulars.asking.dismissals import may_be_one, read_told_apart
from regulars.asking.duplicates import Duplicates, DuplicatesPage, Shared, require_mark
from regulars.asking.one_customer import Contact, read_contacts
from regulars.asking.paging import MAX_PAGE
from regulars.asking.suspects import Suspect
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.contact import clean_phone
from regulars.session.session import Session
from regulars.session.traced import traced

_AT_ONCE = 1_000
_SHORTEST = 6  # digits of a number without its country
_COUNTRY_CODES = (1, 2, 3)  # digits


class _Near(Struct, frozen=True):
    """Customers with nearly the same contact, which `digest` stands for, in an order that says nothing about anyone."""

    shared: Shared
    digest: str
    customer_ids: tuple[str, ...]


@traced("near duplicates")
def find_near_duplicates(session: Session, limit: int, goes_on: bool, after: str | None) -> DuplicatesPage:
    """A page of at most `limit` suspicions. Raises ValueError for an `after` that no page gave."""
    following = partial(find_near_duplicates, session, MAX_PAGE, True) if goes_on else None
    mark = ("", "") if after is None else require_mark(after)
    with session.store.reading() as tx:
        contacts = dict(_contacts(tx))
        near = sorted(_nearly_same(session, contacts, tx.country), key=lambda each: (each.shared, each.digest))
        families = tx.families({each for group in near for each in group.customer_ids})
        firms = tx.firms_among({families.root(each) for group in near for each in group.customer_ids})
        told_apart = read_told_apart(tx)
        found: list[tuple[_Near, list[str]]] = []
        for group in near:
            roots = may_be_one(told_apart, firms, map(families.root, group.customer_ids))
            if (group.shared, group.digest) > mark and len(roots) > 1:
                found.append((group, roots))
        page = found[:limit]
        called = contacts | read_contacts(tx, {root for _, roots in page for root in roots if root not in contacts})
    return DuplicatesPage(
        duplicates=tuple(
            Duplicates(
                shared=group.shared,
                customers=tuple(Suspect(CustomerId(each), called[each].ref, called[each].name) for each in roots),
            )
            for group, roots in page
        ),
        after=f"{page[-1][0].shared}:{page[-1][0].digest}" if len(found) > limit else None,
        following=following,
    )


def _contacts(tx: Transaction) -> Iterator[tuple[str, Contact]]:
    reachable = tx.reachable()
    for start in range(0, len(reachable), _AT_ONCE):
        yield from read_contacts(tx, reachable[start : start + _AT_ONCE]).items()


def _nearly_same(session: Session, contacts: dict[str, Contact], country: str | None) -> Iterator[_Near]:
    emails = {each: contact.email for each, contact in contacts.items() if contact.email is not None}
    phones = {each: contact.phone for each, contact in contacts.items() if contact.phone is not None}
    for shared, values, groups in (
        ("email", emails, by_mailbox(emails)),
        ("phone", phones, by_number(phones, country)),
    ):
        for key, customer_ids in groups.items():
            if len({normalised(shared, values[each], country) for each in customer_ids}) > 1:
                digest = session.store.keyed(f"near {shared}", key.encode())
                yield _Near("email" if shared == "email" else "phone", digest, tuple(customer_ids))


def by_mailbox(emails: dict[str, str]) -> dict[str, list[str]]:
    """Whose addresses may lead to the same mailbox."""
    return _grouped((_mailbox(email), customer_id) for customer_id, email in emails.items())


def by_number(phones: dict[str, str], country: str | None = None) -> dict[str, list[str]]:
    """Whose numbers may be the same, by the number with its country and by one that was written without.

    `country` is where the latter are at home (ISO 3166), None where that isn't known.
    """
    dialled = {customer_id: _dialled(phone, country) for customer_id, phone in phones.items()}
    abroad = {customer_id: digits for customer_id, (has_country, digits) in dialled.items() if has_country}
    at_home = _grouped(
        (digits.lstrip("0"), customer_id)
        for customer_id, (has_country, digits) in dialled.items()
        if not has_country and len(digits.lstrip("0")) >= _SHORTEST
    )
    for customer_id, digits in abroad.items():
        for number in {digits[length:].lstrip("0") for length in _COUNTRY_CODES} & at_home.keys():
            at_home[number].append(customer_id)
    return at_home | _grouped((f"+{digits}", customer_id) for customer_id, digits in abroad.items())


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, customer_id in pairs:
        groups.setdefault(key, []).append(customer_id)
    return groups


def _mailbox(email: str) -> str:
    local, _, domain = plain(email).strip().partition("@")
    mailbox = local.partition("+")[0].replace(".", "")
    return f"{mailbox or local}@{domain}"


def _dialled(phone: str, country: str | None) -> tuple[bool, str]:
    """Whether a number's country is known, and its digits from there on, or all."""
    text = plain(phone)
    if country is not None:
        with suppress(ValueError):
            text = clean_phone(phone, country)
    with_plus = text.lstrip(" (").startswith("+")
    has_country = with_plus or re.match(r"[ (]*00", text) is not None
    digits = re.sub("[^0-9]", "", re.sub(r"\(\s*0\s*\)", "", text) if has_country else text)
    return has_country, digits if with_plus or not has_country else digits.removeprefix("00")
