"""The gates of a campaign: what keeps somebody out of it, judged for everybody before the draw, in one fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.campaign import CampaignPlan
from regulars.crm_domain.offer import WhySkipped
from regulars.projections.campaigns import CampaignRules
from regulars.projections.consent import Contactability

#: What a customer is reached by on a channel, and what that is called; on the other channels nothing is looked up.
REACHED_BY: Mapping[str, str] = MappingProxyType({"email": "email", "phone": "phone", "sms": "phone"})
_CALLED: Mapping[str, str] = MappingProxyType({"email": "e-mail address", "phone": "phone number"})

_CONTACTABLE: Mapping[Contactability, str] = MappingProxyType(
    {
        "open": "the account is open",
        "closed": "the account is closed",
        "forgotten": "they were forgotten",
        "unknown": "nobody had registered them by then",
    }
)


#: Whether somebody has an address on a channel that works; most channels need none.
Address = Literal["works", "none", "bounced", "not_needed"]


class Standing(Struct, frozen=True, kw_only=True):
    """What the gates ask of one family as of an instant: whether they can be contacted, whether they consent to the
    campaign's channel and purpose, whether they have an address that works there (which holds on channels that need
    none), how often they were drawn within the window of the rules, and whether they are held out of all campaigns.
    """

    contactable: Contactability
    consents: bool
    address: Address
    drawn: int
    held_out_of_all: bool


class Gate(Struct, frozen=True, kw_only=True):
    """A gate, whether somebody passes it, and why in a sentence."""

    name: WhySkipped
    passes: bool
    sentence: str


def gates(standing: Standing, plan: CampaignPlan, rules: CampaignRules) -> Iterator[Gate]:
    """Every gate in order; the first that isn't passed names why somebody is skipped."""
    yield Gate(name="closed", passes=standing.contactable == "open", sentence=_CONTACTABLE[standing.contactable])
    agreed = "they agreed" if standing.consents else "there is no consent"
    yield Gate(name="no_consent", passes=standing.consents, sentence=f"{agreed} to {plan.channel} for {plan.purpose}")
    yield Gate(
        name="no_address",
        passes=standing.address in ("works", "not_needed"),
        sentence=_address_in_words(standing, plan.channel),
    )
    often = "1 time" if standing.drawn == 1 else f"{standing.drawn} times"
    most = f"the rules allow {rules.max_offers} in {rules.within_days} days"
    yield Gate(
        name="too_many",
        passes=standing.drawn < rules.max_offers,
        sentence=f"they were drawn {often} for other campaigns; {most}",
    )
    yield Gate(
        name="held_out_of_all",
        passes=not standing.held_out_of_all,
        sentence=f"they are {'' if standing.held_out_of_all else 'not '}held out of all campaigns",
    )


def why_skipped(standing: Standing, plan: CampaignPlan, rules: CampaignRules) -> WhySkipped | None:
    """The first gate that somebody doesn't pass; None for whoever is drawn."""
    return next((gate.name for gate in gates(standing, plan, rules) if not gate.passes), None)


def _address_in_words(standing: Standing, channel: str) -> str:
    called = _CALLED.get(REACHED_BY.get(channel, ""), "address")
    match standing.address:
        case "works":
            return f"they have {_a(called)}"
        case "none":
            return f"they have no {called}"
        case "bounced":
            return f"the last offer to their {called} came back for good"
        case "not_needed":
            return f"no address is kept here for {channel}"


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
