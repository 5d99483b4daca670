"""Referrals within one unit of work: who brought whom, and whether the two are one and the same person."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from regulars.adapters.indexes.referrals import referring
from regulars.adapters.log.event_log import Search
from regulars.adapters.vault.mentions import details_of
from regulars.crm_domain.customer import ReferralMade
from regulars.crm_domain.event import Event
from regulars.doing.identities import ever_one_with, family_of
from regulars.doing.unit_of_work import UnitOfWork


class Referral(Struct, frozen=True, order=True):
    """When a customer brought another, and who that was."""

    at: int
    referrer_id: str


def referrals_of(work: UnitOfWork, customer_id: str) -> list[Referral]:
    """Who brought a customer, or one who is or was merged with them: in order of time, then of recording."""
    theirs = frozenset(ever_one_with(work, customer_id))
    positions = referring(work.tx.connection, work.store.schema, theirs)
    recorded = [Referral(each.occurred_at, each.customer_id) for each in work.tx.log.at(positions)]
    drafts = (each for each in work.pending.drafts if isinstance(each.event, ReferralMade))
    pending = (each for each in drafts if getattr(each.event, "referred_id", None) in theirs)
    found = [*recorded, *(Referral(each.occurred_at, each.customer_id) for each in pending)]
    return sorted(found, key=lambda each: each.at)


def referred_by(work: UnitOfWork, family: Iterable[str]) -> list[str]:
    """Whom any of a family brought, each once, in order of recording."""
    whose = tuple(family)
    search = Search(customer_ids=whose, types=frozenset[type[Event]]({ReferralMade}), oldest_first=True)
    told = [each.event for each in work.tx.log.every(search)]
    told += (draft.event for draft in work.pending.drafts if draft.customer_id in whose)
    return list(dict.fromkeys(each.referred_id for each in told if isinstance(each, ReferralMade)))


def referral_before(work: UnitOfWork, customer_id: str, at: int) -> Referral | None:
    """The first referral of a customer by somebody else up to an instant."""
    family = family_of(work, customer_id)
    found = referrals_of(work, customer_id)
    return next((each for each in found if each.at <= at and each.referrer_id not in family), None)


def shared_contact(work: UnitOfWork, one: Iterable[str], other: Iterable[str]) -> str | None:
    """What two families have or had in common by which somebody is reached: "e-mail address" or "phone number".

    Both are compared in their normal form.
    """
    ours, theirs = (_contacts(work, frozenset(members)) for members in (one, other))
    return next((what for what, digests in ours.items() if digests & theirs[what]), None)


def _contacts(work: UnitOfWork, members: frozenset[str]) -> dict[str, set[str]]:
    said = [draft.event for draft in work.pending.drafts if draft.stream_id in members]
    said += [each.event for each in work.tx.log.contact_events(members)]
    details, digest = details_of(said), work.tx.digest
    return {
        "e-mail address": {digest("email", each) for each in details.emails},
        "phone number": {digest("phone", each) for each in details.phones},
    }
