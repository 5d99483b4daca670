"""Campaigns in a store: the gates before the draw, the draw, what becomes of offers, merges, forgetting and replays."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    AssignOffer,
    ChangeCampaign,
    ChangeContactDetails,
    CloseAccount,
    CustomerId,
    GiveConsent,
    MergeCustomers,
    NotFound,
    PauseCampaign,
    PlanCampaign,
    RecordOfferBounced,
    RecordOfferSent,
    RecordPurchase,
    RecordUnsubscribed,
    RegisterCustomer,
    Regulars,
    Rejected,
    SkipOffer,
    WithdrawConsent,
    parse_rules,
)
from regulars.asking.campaign_sentence import what_it_shows
from shops import BEGIN, DAY, EXAMPLES, HOUR, Clock, default_text, empty_file, opened

SEGMENT = '\n[[segment]]\nid = "buyers"\nenter = [{ fact = "orders", from = 1 }]\n'
GATES = ("closed", "no_consent", "no_address", "too_many", "held_out_of_all")


def people(crm: Regulars, count: int, *, without: str = "") -> list[str]:
    """So many customers with an e-mail who agreed to news; `without` one of "consent" and "email"."""
    refs = [f"shop:{without}{number}" for number in range(count)]
    for ref in refs:
        email = None if without == "email" else f"{ref.replace(':', '.')}@example.com"
        crm.do(RegisterCustomer(ref=ref, name=ref.title(), email=email, occurred_at=BEGIN - DAY))
        if without != "consent":
            crm.do(GiveConsent(customer=ref, channel="email", purpose="news", occurred_at=BEGIN - HOUR))
    return refs


def plan(crm: Regulars, campaign_id: str, customers: Iterable[str] | None, **fields: Any) -> None:
    given = {"title": "Tea", "kind": "offer", "channel": "email", "purpose": "news", **fields}
    listed = None if customers is None else tuple(customers)
    crm.do(PlanCampaign.model_validate({"campaign_id": campaign_id, "customers": listed, **given}))


def launched(crm: Regulars, campaign_id: str, customers: Iterable[str], **fields: Any) -> dict[str, regulars.OfferView]:
    plan(crm, campaign_id, customers, **fields)
    crm.campaigns.launch(campaign_id)
    return offers(crm, campaign_id)


def offers(crm: Regulars, campaign_id: str) -> dict[str, regulars.OfferView]:
    return {each.ref or str(each.customer_id): each for each in crm.campaigns.who(campaign_id, fresh=True)}


def publish(crm: Regulars, text: str) -> None:
    crm.rules.publish(parse_rules(default_text() + SEGMENT + text), reason="campaigns")


# ------------------------------------------------------------------------------------------------------------ gates


def test_everybody_stands_before_the_gates_and_the_first_that_fails_names_it(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, "\n[campaigns]\nmax_offers = 1\n")
        fine, mute = people(crm, 4), people(crm, 1, without="consent")
        (nowhere,), (tired, gone) = people(crm, 1, without="email"), people(crm, 2, without="x")
        launched(crm, "first", [tired, gone])
        crm.do(CloseAccount(customer=gone))
        crm.do(WithdrawConsent(customer=gone, channel="email", purpose="news"))
        clock.now += DAY
        everybody = [*fine, *mute, nowhere, tired, gone]
        plan(crm, "second", everybody)
        preview = crm.campaigns.preview("second")
        assert preview.skipped == {"closed": 1, "no_address": 1, "no_consent": 1, "too_many": 1}
        assert (preview.audience, preview.eligible, preview.treated, preview.held_out) == (8, 4, 2, 2)
        for ref, why in ((fine[0], None), (mute[0], "no_consent"), (nowhere, "no_address"), (tired, "too_many")):
            told = crm.campaigns.explain("second", ref)
            assert told.why == why
            assert [each.gate for each in told.gates] == [*GATES[:3], *GATES[3:]]
            assert [each.gate for each in told.gates if not each.passes][:1] == ([] if why is None else [why])
        crm.campaigns.launch("second")
        found = offers(crm, "second")
        assert {ref: each.why for ref, each in found.items() if each.arm == "skipped"} == {
            mute[0]: "no_consent",
            nowhere: "no_address",
            tired: "too_many",
            gone: "closed",
        }
        assert {found[ref].arm for ref in fine} == {"treated", "held_out"}


def test_being_held_out_counts_as_an_offer_and_the_window_moves_on(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, "\n[campaigns]\nmax_offers = 1\nwithin_days = 7\n")
        refs = people(crm, 6)
        launched(crm, "first", refs)
        plan(crm, "second", refs)
        clock.now += 7 * DAY - timedelta(microseconds=1)
        assert crm.campaigns.preview("second").skipped == {"too_many": 6}
        with pytest.raises(Rejected, match="0 of 6 pass all gates"):
            crm.campaigns.launch("second")
        clock.now += timedelta(microseconds=1)
        assert crm.campaigns.preview("second").skipped == {}


def test_an_address_that_bounced_for_good_does_not_work_until_there_is_another(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 3)
        found = launched(crm, "first", refs)
        clock.now += DAY
        treated = next(ref for ref, each in found.items() if each.arm == "treated")
        crm.do(RecordOfferSent(offer_id=found[treated].offer_id, channel="email"))
        crm.do(RecordOfferBounced(offer_id=found[treated].offer_id, hard=False))
        plan(crm, "second", refs)
        assert crm.campaigns.explain("second", treated).why is None
        clock.now += DAY
        crm.do(RecordOfferBounced(offer_id=found[treated].offer_id, hard=True))
        clock.now += DAY
        assert crm.campaigns.explain("second", treated).why == "no_address"
        assert crm.campaigns.explain("second", treated, as_of=clock.now - 2 * DAY).why is None
        crm.do(ChangeContactDetails(customer=treated, email="new@example.com"))
        assert crm.campaigns.explain("second", treated).why is None
        clock.now += DAY
        crm.do(ChangeContactDetails(customer=treated, email=None))
        assert crm.campaigns.explain("second", treated).why == "no_address"


def test_a_share_is_held_out_of_all_campaigns_for_a_while(database_url: str) -> None:
    hold_out = 'hold_out = { share = 0.5, from = 2024-01-01, until = 2024-01-10, seed = "a" }'
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, f"\n[campaigns]\n{hold_out}\n")
        refs = people(crm, 12)
        ids = {ref: crm.find(ref) for ref in refs}
        out = {ref for ref in refs if hashlib.sha256(f"a:{ids[ref]}".encode()).hexdigest() < "8"}
        plan(crm, "first", refs)
        assert {ref for ref in refs if crm.campaigns.explain("first", ref).why == "held_out_of_all"} == out
        clock.now += 10 * DAY
        assert crm.campaigns.preview("first").skipped == {}


def test_an_address_that_bounced_for_good_works_no_more_however_often_it_is_told(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 3)
        found = launched(crm, "first", refs)
        clock.now += DAY
        for ref in refs:
            crm.do(RecordOfferSent(offer_id=found[ref].offer_id, channel="email"))
            crm.do(RecordOfferBounced(offer_id=found[ref].offer_id, hard=True))
        plan(crm, "second", refs)
        again, back, another = refs
        clock.now += DAY
        crm.do(ChangeContactDetails(customer=again, email="SHOP.0@example.com", occurred_at=clock.now))
        for ref in (back, another):
            crm.do(ChangeContactDetails(customer=ref, email=f"new.{ref[-1]}@example.com"))
        clock.now += DAY
        assert crm.campaigns.explain("second", back).why is None
        crm.do(ChangeContactDetails(customer=back, email="shop.1@example.com"))
        clock.now += DAY
        assert {ref: crm.campaigns.explain("second", ref).why for ref in refs} == {
            again: "no_address",
            back: "no_address",
            another: None,
        }


@pytest.mark.parametrize(("channel", "kind"), [("phone", "phone"), ("sms", "phone"), ("post", None)])
def test_what_somebody_is_reached_by_follows_from_the_channel(
    sqlite_database_url: str, channel: str, kind: str | None
) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        for ref, phone in (("a", None), ("b", "+49 30 1234"), ("c", "+49 30 1235")):
            crm.do(RegisterCustomer(ref=ref, phone=phone, occurred_at=BEGIN - DAY))
            consent = {"customer": ref, "channel": channel, "purpose": "news", "occurred_at": BEGIN - HOUR}
            crm.do(GiveConsent.model_validate(consent))
        plan(crm, "call", ["a", "b", "c"], channel=channel)
        assert crm.campaigns.preview("call").skipped == ({} if kind is None else {"no_address": 1})


def test_after_the_launch_it_is_told_why_it_skipped_somebody_whatever_is_told_or_ruled_later(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, "")
        refs, (mute,) = people(crm, 3), people(crm, 1, without="consent")
        for ref in (*refs[:2], mute):
            crm.do(RecordPurchase(customer=ref, order_id=f"A-{ref}", amount="9.90"))
        clock.now += DAY
        plan(crm, "spring", None, segment="buyers")
        assert not crm.campaigns.explain("spring", mute).is_launched
        crm.campaigns.launch("spring")
        launched_at = clock.now
        clock.now += DAY
        consents = {"channel": "email", "purpose": "news", "occurred_at": launched_at - HOUR}
        crm.do(GiveConsent.model_validate({"customer": mute, **consents}))
        crm.do(WithdrawConsent.model_validate({"customer": refs[0], **consents}))
        late = {"customer": refs[2], "order_id": "late", "amount": "9.90", "occurred_at": launched_at - HOUR}
        crm.do(RecordPurchase.model_validate(late))
        launched(crm, "summer", refs)
        publish(crm, "\n[campaigns]\nmax_offers = 1\n")
        told = {ref: crm.campaigns.explain("spring", ref) for ref in (*refs, mute)}
        assert all(each.is_launched and each.in_audience for each in told.values())
        assert {ref: each.why for ref, each in told.items()} == {**dict.fromkeys(refs), mute: "no_consent"}
        assert all(each.passes for each in told[mute].gates)
        assert [each.gate for each in told[refs[0]].gates if not each.passes] == ["no_consent"]
        assert (told[refs[0]].arm in ("treated", "held_out"), told[refs[2]].arm) == (True, None)
        # The rules are those that the launch went by, and of another day those in force.
        assert "allow 4 in 30 days" in told[refs[1]].gates[3].sentence
        assert "allow 1 in 30 days" in crm.campaigns.explain("spring", refs[1], as_of=clock.now).gates[3].sentence
        was = crm.campaigns.explain("spring", mute, as_of=launched_at - timedelta(minutes=1))
        assert (was.is_launched, was.why, was.arm) == (False, None, None)


def test_who_is_skipped_after_the_draw_is_told_why_and_stays_in_their_arm(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, clock := Clock()) as crm:
        found = launched(crm, "spring", people(crm, 2))
        clock.now += DAY
        treated = next(ref for ref, each in found.items() if each.arm == "treated")
        crm.do(SkipOffer(customer=treated, offer_id=found[treated].offer_id, campaign_id="spring", why="no_address"))
        told = crm.campaigns.explain("spring", treated)
        assert (told.arm, told.state, told.why) == ("treated", "skipped", "no_address")


# ----------------------------------------------------------------------------------------------------------- launch


def test_a_launch_can_be_made_again_from_what_was_recorded(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        found = launched(crm, "spring", people(crm, 11), held_out="0.3")
        (launch,) = [each.event for each in crm.events(types=regulars.CampaignLaunched)]
        keyed = {
            hashlib.sha256(f"{launch.seed}:{each.customer_id}".encode()).hexdigest(): each.arm
            for each in found.values()
        }
        assert [keyed[digest] for digest in sorted(keyed)] == ["held_out"] * 3 + ["treated"] * 8
        assert (launch.audience, launch.eligible, launch.skipped, launch.treated, launch.held_out) == (11, 11, 0, 8, 3)
        assert len({each.offer_id for each in found.values()}) == 11
        assert crm.projections.verify().holds


def test_it_is_launched_once_and_a_bad_plan_never(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, "")
        launched(crm, "spring", people(crm, 2))
        before = crm.snapshot().position
        with pytest.raises(Rejected, match="launched already") as again:
            crm.campaigns.launch("spring")
        assert again.value.code == "campaign_launched"
        plan(crm, "nobody", None, segment="buyers")
        with pytest.raises(Rejected, match='nobody is in the audience of campaign "nobody"'):
            crm.campaigns.launch("nobody")
        with pytest.raises(Rejected, match='no segment "sellers"; those they have: buyers'):
            plan(crm, "unknown", None, segment="sellers")
        with pytest.raises(Rejected, match='no coupon "SUMER10"; CreateCoupon makes one'):
            plan(crm, "typo", ["shop:0", "shop:1"], coupon_id="sumer10")
        with pytest.raises(NotFound, match='no campaign "never"'):
            crm.campaigns.launch("never")
        plan(crm, "late", ["shop:0", "shop:1"], decision_day=date(2024, 1, 3), offer_until=date(2024, 2, 1))
        clock.now += 3 * DAY
        assert "decision day" in (crm.campaigns.preview("late").refusal or "")
        with pytest.raises(Rejected, match="2024-01-03 lies before 2024-01-04"):
            crm.campaigns.launch("late")
        kinds = Counter(type(each.event).__name__ for each in crm.events(after=before))
        assert kinds == {"CampaignPlanned": 2}


def test_a_plan_names_a_coupon_that_is_there_however_it_is_written(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        crm.do(regulars.CreateCoupon(coupon_id="SUMMER10", percent=10))
        plan(crm, "spring", people(crm, 2), coupon_id="summer-10")
        assert crm.campaigns.campaign("spring").campaign.coupon_id == "SUMMER10"
        with pytest.raises(Rejected, match='no coupon "WINTER"'):
            crm.do(ChangeCampaign(campaign_id="spring", coupon_id="winter"))
        crm.do(ChangeCampaign(campaign_id="spring", coupon_id=None))
        assert crm.campaigns.campaign("spring", fresh=True).campaign.coupon_id is None


def test_nobody_is_drawn_into_a_campaign_before_its_launch_or_after_it(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 3)
        plan(crm, "spring", refs[:2])
        late = AssignOffer(customer=refs[2], offer_id="0" * 16, campaign_id="spring")
        with pytest.raises(Rejected, match="isn't launched yet"):
            crm.do(late)
        crm.campaigns.launch("spring")
        clock.now += DAY
        with pytest.raises(Rejected, match="nobody is drawn into it afterwards"):
            crm.do(late)
        with pytest.raises(Rejected, match='no campaign "summer"'):
            crm.do(late.model_copy(update={"campaign_id": "summer"}))
        with pytest.raises(Rejected, match="nobody is skipped for it afterwards"):
            crm.do(SkipOffer(customer=refs[2], offer_id="0" * 16, campaign_id="spring", why="closed"))


def test_what_is_recorded_between_judging_and_writing_is_judged_as_well(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is written by another handle as soon as everybody was judged, which only a test can time."""
    from regulars.doing import launching

    with opened(sqlite_database_url, Clock()) as crm, opened(sqlite_database_url, Clock()) as other:
        refs = people(crm, 4)
        plan(crm, "spring", refs)
        write, told = launching._write, list[str]()

        def late(*args: Any) -> None:
            if not told:
                told.append(refs[0])
                other.do(WithdrawConsent(customer=refs[0], channel="email", purpose="news"))
            write(*args)

        monkeypatch.setattr(launching, "_write", late)
        crm.campaigns.launch("spring")
        assert offers(crm, "spring")[refs[0]].why == "no_consent"


# ------------------------------------------------------------------------------------------- afterwards, and replays


def test_who_unsubscribes_no_longer_consents_from_the_same_transaction_on(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 2)
        found = launched(crm, "spring", refs)
        clock.now += DAY
        outcome = crm.do(RecordUnsubscribed(offer_id=found[refs[0]].offer_id, channel="email", purpose="news"))
        assert [type(each.event).__name__ for each in outcome.events] == ["Unsubscribed", "ConsentWithdrawn"]
        assert outcome.events[1].causation_id == outcome.events[0].position
        assert not crm.consents(refs[0]).allow("email", "news")
        assert offers(crm, "spring")[refs[0]].state == "unsubscribed"
        assert offers(crm, "spring")[refs[0]].arm == found[refs[0]].arm


def test_an_offer_sent_to_somebody_held_out_is_recorded_and_they_stay_in_their_arm(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        found = launched(crm, "spring", people(crm, 2))
        clock.now += DAY
        held_out = next(each for each in found.values() if each.arm == "held_out")
        crm.do(RecordOfferSent(offer_id=held_out.offer_id, channel="post"))
        counts = {(each.arm, each.state): each.families for each in crm.campaigns.campaign("spring", fresh=True).counts}
        assert counts == {("treated", "assigned"): 1, ("held_out", "sent"): 1}
        then = crm.campaigns.who("spring", arm="held_out", as_of=BEGIN)
        assert [each.state for each in then] == ["held_out"]


def test_merged_customers_are_one_unit_before_the_launch_and_after_it(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 6)
        crm.do(MergeCustomers(customer=refs[1], into=refs[0]))
        found = launched(crm, "spring", refs)
        assert len(found) == 5
        arms = {arm: [ref for ref in refs[2:] if found[ref].arm == arm] for arm in ("treated", "held_out")}
        one, other = arms["treated"][0], arms["held_out"][0]
        clock.now += DAY
        crm.do(MergeCustomers(customer=one, into=other))
        whole = crm.campaigns.campaign("spring", fresh=True)
        assert sum(each.families for each in whole.counts) == 4
        assert whole.crossed == 1
        kept = offers(crm, "spring")[other]
        counts = found[min(one, other, key=crm.find)]
        assert (kept.crossed, kept.offer_id, kept.arm) == (True, counts.offer_id, counts.arm)
        crm.do(regulars.UndoMerge(customer=one))
        assert crm.campaigns.campaign("spring", fresh=True).crossed == 0
        assert crm.projections.verify().holds


def test_forgetting_keeps_the_counts_and_names_nobody(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 5)
        gone = crm.find(refs[0])
        launched(crm, "spring", refs)
        before = crm.campaigns.campaign("spring", fresh=True).counts
        clock.now += DAY
        crm.forget(refs[0], reason="on request")
        assert crm.campaigns.campaign("spring", fresh=True).counts == before
        assert refs[0] not in offers(crm, "spring")
        assert len(offers(crm, "spring")) == 4
        plan(crm, "summer", [gone, *refs[1:]])
        assert crm.campaigns.preview("summer").skipped == {"closed": 1}
        crm.campaigns.launch("summer")
        trail = crm.audit(customer=gone).entries[0].sentence
        assert trail.endswith("in campaign summer: the account is closed, or they were forgotten")


def test_a_preview_replays_the_past(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, "")
        refs = people(crm, 8)
        for number, ref in enumerate(refs):
            crm.do(RecordPurchase(customer=ref, order_id=f"A-{number}", amount="9.90"))
            clock.now += DAY
        crm.do(WithdrawConsent(customer=refs[0], channel="email", purpose="news"))
        clock.now += DAY
        plan(crm, "spring", None, segment="buyers")
        for days in range(8):
            was = crm.campaigns.preview("spring", as_of=BEGIN + days * DAY)
            assert (was.audience, was.skipped) == (days + 1, {})
        now = crm.campaigns.preview("spring")
        assert (now.audience, now.eligible, now.skipped) == (8, 7, {"no_consent": 1})
        assert (now.counted_before, now.bought_before) == (0, 0)  # thirty days before nobody had bought
        assert now.refusal is None
        assert [each.why for each in now.first] == [None] * 7 + ["no_consent"]


def test_who_buys_anyway_is_told_by_those_who_were_in_the_segment_as_the_time_before_began(database_url: str) -> None:
    """Nobody who is quiet now bought of late, and yet those who are quiet buy: three of nine did."""
    quiet = '[[segment]]\nid = "quiet"\nenter = [{ fact = "days_since_order", above = 20 }]\n'
    with opened(database_url, clock := Clock()) as crm:
        publish(crm, quiet)
        refs = people(crm, 10)
        crm.do([RecordPurchase(customer=ref, order_id=f"A-{ref}", amount="9.90") for ref in refs])
        clock.now += 45 * DAY
        crm.do([RecordPurchase(customer=ref, order_id=f"B-{ref}", amount="9.90") for ref in refs[:3]])
        crm.do(WithdrawConsent(customer=refs[9], channel="email", purpose="news"))
        clock.now += 15 * DAY
        plan(crm, "spring", None, segment="quiet", decide_after_days=30)
        found = crm.campaigns.preview("spring")
        assert (found.audience, found.eligible) == (7, 6)
        assert (found.counted_before, found.bought_before) == (9, 3)
        plan(crm, "listed", refs[3:], decide_after_days=30)
        listed = crm.campaigns.preview("listed")
        assert (listed.eligible, listed.counted_before, listed.bought_before) == (6, 6, 0)


def test_the_numbers_of_a_preview_are_those_of_the_textbook(database_url: str) -> None:
    """240 and 60 people of whom 10 % buy anyway: the difference that Fleiss gives is 16 points."""
    with opened(database_url, clock := Clock()) as crm:
        register = [RegisterCustomer(ref=f"s:{n}", email=f"s{n}@example.com") for n in range(300)]
        crm.do([*register, *(GiveConsent(customer=f"s:{n}", channel="email", purpose="news") for n in range(300))])
        crm.do([RecordPurchase(customer=f"s:{n}", order_id=f"A-{n}", amount="10") for n in range(30)])
        clock.now += DAY
        plan(crm, "spring", [f"s:{n}" for n in range(300)], held_out="0.2")
        found = crm.campaigns.preview("spring")
        assert (found.treated, found.held_out, found.bought_before, found.share) == (240, 60, 30, Decimal("0.2"))
        assert found.shows is not None
        assert Decimal("0.155") < found.shows < Decimal("0.165")
        assert [each.difference for each in found.people_needed] == [Decimal("0.1"), Decimal("0.05")]
        # Half of few are held out by default, and a fifth of many: of 1,372, of whom half would show 5 points, too.
        plan(crm, "summer", [f"s:{n}" for n in range(300)])
        assert [each.people for each in found.people_needed] == [658, 2_223]
        assert [each.people for each in crm.campaigns.preview("summer").people_needed] == [2 * 199, 2_223]


def test_where_nothing_can_be_said_of_spend_it_is_said_why(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, clock := Clock()) as crm:
        refs = people(crm, 4)
        plan(crm, "spring", refs, outcome="spend")
        assert "of whom nobody spent anything in the 30 days before" in what_it_shows(crm.campaigns.preview("spring"))
        crm.do([RecordPurchase(customer=ref, order_id=f"A-{ref}", amount="10") for ref in refs])
        clock.now += DAY
        alike = crm.campaigns.preview("spring")
        assert (alike.bought_before, alike.spread, alike.shows_spend) == (4, Decimal("0.00"), None)
        assert "it isn't known how much their spend varies" in what_it_shows(alike)
        crm.do(RecordPurchase(customer=refs[0], order_id="B", amount="30"))
        clock.now += DAY
        assert "only a mean difference of" in what_it_shows(crm.campaigns.preview("spring"))


def test_what_became_of_everybody_is_told_in_the_trail(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        (fine, _), (mute,) = people(crm, 2), people(crm, 1, without="consent")
        found = launched(crm, "spring", [fine, "shop:1", mute])
        drawn = "to get the offer" if found[fine].arm == "treated" else "to be held out"
        assert crm.audit(customer=fine).entries[0].sentence == f"Li drew {fine} {drawn} of campaign spring"
        skipped = "in campaign spring: no consent for its channel and purpose"
        assert crm.audit(customer=mute).entries[0].sentence == f"Li skipped {mute} {skipped}"
        assert "launched campaign spring, 1 treated, 1 held out, 1 skipped" in "\n".join(
            each.sentence for each in crm.audit(limit=9).entries
        )


def test_a_list_of_campaigns_is_as_of_any_day(database_url: str) -> None:
    with opened(database_url, clock := Clock()) as crm:
        refs = people(crm, 2)
        plan(crm, "spring", refs)
        clock.now += DAY
        crm.campaigns.launch("spring")
        clock.now += DAY
        crm.do(PauseCampaign(campaign_id="spring"))
        was = [crm.campaigns.history(as_of=BEGIN + days * DAY)[0].status for days in (0, 1, 2)]
        assert was == ["planned", "running", "paused"]
        with pytest.raises(NotFound, match="wasn't planned yet"):
            crm.campaigns.campaign("spring", as_of=BEGIN - DAY)
        with pytest.raises(ValueError, match='no arm "treatment"; it is one of treated, held_out, skipped'):
            crm.campaigns.who("spring", arm="treatment")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- laws

STEPS = ("consent", "withdraw", "close", "merge", "launch", "sent", "bounced", "unsubscribed", "wait")


@settings(max_examples=max(EXAMPLES // 8, 5))
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5), st.integers(0, 5)), max_size=14),
    st.permutations(range(6)),
)
def test_nobody_who_fails_a_gate_is_in_an_arm_and_what_is_folded_step_by_step_is_what_a_replay_folds(
    steps: list[tuple[str, int, int]], order: list[int]
) -> None:
    with empty_file() as url, opened(url, clock := Clock()) as crm:
        refs = [f"p:{number}" for number in range(6)]
        for number in order:
            crm.do(RegisterCustomer(ref=refs[number], email=f"p{number}@example.com"))
            crm.do(GiveConsent(customer=refs[number], channel="email", purpose="news"))
        for number, (step, one, other) in enumerate([*steps, ("launch", 0, 0)]):
            clock.now += DAY
            with suppress(Rejected, NotFound):
                if step == "launch":
                    _launch(crm, f"c{number}", refs)
                else:
                    _step(crm, step, refs[one], refs[other])
        for campaign in crm.campaigns.history():
            if campaign.launch is None:
                continue
            assert campaign.launch.audience == campaign.launch.eligible + campaign.launch.skipped
            assert campaign.launch.eligible == campaign.launch.treated + campaign.launch.held_out
        crm.catch_up()
        assert crm.projections.verify().holds


def _launch(crm: Regulars, campaign_id: str, refs: list[str]) -> None:
    """Launch to everybody, and hold each against what its own customer says of them."""
    plan(crm, campaign_id, refs)
    assert crm.campaigns.preview(campaign_id).behind == 0
    may = {ref: crm.consents(ref).allow("email", "news") for ref in refs}
    ids = {ref: crm.customer(ref).id for ref in refs}
    crm.campaigns.launch(campaign_id)
    found = {each.customer_id: each for each in crm.campaigns.who(campaign_id, fresh=True)}
    assert {*found} == {*ids.values()}
    for ref in refs:
        if not may[ref]:
            assert found[ids[ref]].arm == "skipped"


def _step(crm: Regulars, step: str, one: str, other: str) -> None:
    offer_ids = [each.event.offer_id for each in crm.events(types=regulars.OfferAssigned | regulars.HeldOut)]
    command: regulars.Command
    match step:
        case "consent":
            command = GiveConsent(customer=one, channel="email", purpose="news")
        case "withdraw":
            command = WithdrawConsent(customer=one, channel="email", purpose="news")
        case "close":
            command = CloseAccount(customer=one)
        case "merge":
            command = MergeCustomers(customer=one, into=other)
        case _ if not offer_ids:
            return
        case "sent":
            command = RecordOfferSent(offer_id=offer_ids[len(one) % len(offer_ids)], channel="email")
        case "bounced":
            command = RecordOfferBounced(offer_id=offer_ids[-1], hard=True)
        case "unsubscribed":
            command = RecordUnsubscribed(offer_id=offer_ids[0], channel="email", purpose="news")
        case _:
            return
    crm.do(command)


def test_a_customer_may_be_named_by_id(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        refs = people(crm, 2)
        found = launched(crm, "spring", [CustomerId(crm.find(ref)) for ref in refs])
        assert {*found} == {*refs}
