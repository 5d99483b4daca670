"""Sending offers by a real mail server: each at most once, consent asked once more, and what comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from msgspec.structs import replace

from mailservers import Mailbox, mail_server
from regulars import (
    ChangeCampaign,
    ChangeContactDetails,
    CloseAccount,
    CreateCoupon,
    CustomerId,
    EndCampaign,
    EndCoupon,
    GiveConsent,
    MailServerUnusable,
    MergeCustomers,
    NotFound,
    OfferSending,
    OfferSent,
    PauseCampaign,
    PlanCampaign,
    RecordOfferBounced,
    RecordOfferNotSent,
    RecordOfferSent,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    ResumeCampaign,
    WithdrawConsent,
    parse_rules,
)
from regulars.doing.sending import quiet_until
from regulars.projections.campaigns import CampaignRules
from regulars.sending.message import filled_in, offer_mail, parse_sender
from regulars.sending.smtp import Encryption, MailServer, SmtpCarrier
from regulars.sending.status import is_of_the_address
from regulars.sending.values import OutgoingOffer, SendingReport
from shops import BEGIN, DAY, Clock, default_text, opened

SENDER = parse_sender("Li's Coffee <li@coffee.example>")
PEOPLE = 8


class Ticking(Clock):
    """A clock that goes on by a second whenever it is asked, as sending takes time."""

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Ticking(BEGIN + DAY)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        register(crm)
        launch(crm)
        yield crm


def register(crm: Regulars) -> None:
    for number in range(PEOPLE):
        ref = f"shop:{number}"
        crm.do(RegisterCustomer(ref=ref, name=f"Ada {number}", email=f"ada{number}@example.com", occurred_at=BEGIN))
        crm.do(GiveConsent(customer=ref, channel="email", purpose="news", occurred_at=BEGIN))


def launch(crm: Regulars, **fields: Any) -> None:
    plan = {
        "campaign_id": "spring",
        "title": "Spring",
        "kind": "offer",
        "channel": "email",
        "purpose": "news",
        "offer": "Dear {name},\nten per cent off.",
        "customers": tuple(f"shop:{number}" for number in range(PEOPLE)),
    }
    planned = PlanCampaign.model_validate(plan | fields)
    crm.do(planned)
    crm.campaigns.launch(planned.campaign_id)


@pytest.fixture
def server() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as served:
        yield served


def send(crm: Regulars, port: int, encryption: Encryption = "none", **asked: Any) -> SendingReport:
    at = MailServer(host="127.0.0.1", port=port, encryption=encryption, timeout=0.5)
    with SmtpCarrier(at, SENDER, lambda: datetime(2026, 3, 1, tzinfo=UTC)) as carrier:
        return crm.campaigns.send_through("spring", carrier.carry, host=SENDER.domain, **asked)


def treated(crm: Regulars, state: str | None = None) -> dict[str, str]:
    """The addresses of the treated with their offers."""
    page = crm.campaigns.who("spring", arm="treated", state=state)  # type: ignore[arg-type]
    return {f"ada{(each.ref or '').removeprefix('shop:')}@example.com": each.offer_id for each in page}


def states(crm: Regulars) -> Counter[str]:
    return Counter(each.state for each in crm.campaigns.who("spring", arm="treated"))


# ------------------------------------------------------------------------------------------------------- what is sent


def test_everybody_who_is_treated_gets_one_mail_and_it_is_recorded(
    crm: Regulars, server: tuple[Mailbox, int], clock: Clock
) -> None:
    mailbox, port = server
    progress = list[tuple[int, int]]()
    found = send(crm, port, on_progress=lambda done, total: progress.append((done, total)))
    assert (found.sent, found.left, found.stopped) == (PEOPLE // 2, 0, None)
    assert progress == [(done, 4) for done in range(1, 5)]
    offers = treated(crm)
    assert sorted(mailbox.addresses) == sorted(offers)
    ids = {each.event.offer_id: each.event.message_id for each in crm.events(types=OfferSent)}
    for address, message in mailbox.taken:
        offer_id, name = offers[address], f"Ada {address[3]}"
        assert message["To"] == f"{name} <{address}>"
        assert message["From"] == "Li's Coffee <li@coffee.example>"
        assert message["Subject"] == "Spring"
        assert message["List-Unsubscribe"].strip() == f"<mailto:li@coffee.example?subject=unsubscribe%20{offer_id}>"
        assert message.get_content().splitlines() == [f"Dear {name},", "ten per cent off."]
        assert message["Message-ID"] == ids[offer_id]
        assert ids[offer_id].startswith(f"<{offer_id}.")
        assert ids[offer_id].endswith("@coffee.example>")
    assert send(crm, port).sent == 0
    assert len(mailbox.taken) == PEOPLE // 2
    assert states(crm) == {"sent": PEOPLE // 2}


def test_that_it_is_being_sent_is_recorded_before_it_goes_out(crm: Regulars) -> None:
    sending = list[tuple[str, int]]()

    def by(offer: OutgoingOffer) -> None:
        recorded = [each.event for each in crm.events(types=(OfferSending, OfferSent))]
        assert isinstance(recorded[-1], OfferSending)
        assert recorded[-1].offer_id == offer.offer_id
        sending.append((offer.offer_id, len(recorded)))

    assert crm.campaigns.send("spring", by).sent == 4
    assert [count for _, count in sending] == [1, 3, 5, 7]


def test_a_name_cant_add_headers(crm: Regulars) -> None:
    eve = 'Eve"\r\nBcc: all@example.com\r\n\r\nhello, <a@b>'
    (offer, *_) = crm.campaigns.to_send("spring")
    odd = replace(offer, name=eve, subject=eve, text=filled_in("Dear {name}", eve), message_id="<1@coffee.example>")
    read = message_from_bytes(offer_mail(odd, SENDER, BEGIN).as_bytes(), policy=policy.default)
    assert "Bcc" not in read
    assert [each.addr_spec for each in read["To"].addresses] == [offer.address]
    assert len(read["Subject"].splitlines()) == len(read.get_content().splitlines()) == 1
    with pytest.raises(ValueError, match="is no sender"):
        parse_sender("li@coffee.example\r\nBcc: all@example.com")


def test_what_nobody_has_a_name_for_is_left_out_of_the_text() -> None:
    assert filled_in("Dear {name},\nten per cent off, {name}!", None) == "Dear,\nten per cent off,!"
    assert filled_in("Dear {name},", "Ada {name}") == "Dear Ada {name},"


# -------------------------------------------------------------------------------------------------- what fails, and how


def test_an_address_that_is_refused_has_bounced_and_what_is_put_off_is_tried_again(
    crm: Regulars, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    first, second, *rest = sorted(treated(crm))
    answers = {first: "550 5.1.1 no such mailbox", second: "451 4.7.1 greylisted, try later"}
    mailbox.to_recipient = answers.get
    found = send(crm, port)
    assert (found.sent, found.bounced, found.put_off, found.in_doubt, found.left) == (2, 1, 1, 0, 1)
    assert sorted(mailbox.addresses) == rest
    assert states(crm) == {"sent": 2, "bounced": 1, "assigned": 1}
    del answers[second]
    assert send(crm, port).sent == 1
    assert sorted(mailbox.addresses) == [second, *rest]


@pytest.mark.parametrize(
    ("answer", "counted", "state"),
    [
        ("554 5.7.1 looks like spam", {"bounced": 1}, "bounced"),
        ("close", {"in_doubt": 1}, "sending"),
        ("hang", {"in_doubt": 1}, "sending"),
    ],
)
def test_a_message_without_an_answer_is_in_doubt_and_is_never_sent_again(
    crm: Regulars, server: tuple[Mailbox, int], answer: str, counted: dict[str, int], state: str
) -> None:
    mailbox, port = server
    unlucky, *rest = sorted(treated(crm))
    offer_id = treated(crm)[unlucky]
    mailbox.to_message = {unlucky: answer}.get
    found = send(crm, port)
    assert (found.put_off, found.left) == (0, 0)
    assert {"sent": found.sent, "bounced": found.bounced, "in_doubt": found.in_doubt} == {
        "sent": 3,
        "bounced": 0,
        "in_doubt": 0,
        **counted,
    }
    mailbox.to_message = lambda address: None
    assert send(crm, port).sent == 0
    assert sorted(mailbox.addresses) == rest
    assert list(treated(crm, state).values()) == [offer_id]
    doubtful = [each.offer_id for each in crm.campaigns.to_send("spring", in_doubt=True)]
    assert doubtful == ([offer_id] if state == "sending" else [])


def test_what_the_server_took_and_then_fell_silent_is_not_sent_twice(
    crm: Regulars, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    mailbox.after_message = lambda address: "close"
    assert send(crm, port).in_doubt == 4
    mailbox.after_message = lambda address: None
    assert send(crm, port).sent == 0
    assert Counter(mailbox.addresses) == dict.fromkeys(treated(crm), 1)


def test_a_message_that_the_server_puts_off_was_not_sent_and_the_next_run_asks_once_more_before_it_tries_again(
    crm: Regulars, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    mailbox.to_message = lambda address: "452 4.3.1 later"
    found = send(crm, port)
    assert (found.sent, found.in_doubt, found.put_off, found.left, found.stopped) == (0, 0, 4, 4, None)
    assert states(crm) == {"assigned": 4}
    mailbox.to_message = lambda address: None
    leaving, *rest = sorted(treated(crm))
    crm.do(WithdrawConsent(customer=f"shop:{leaving[3]}", channel="email", purpose="news"))
    assert send(crm, port).sent == 3
    assert Counter(mailbox.addresses) == dict.fromkeys(rest, 1)


@pytest.mark.parametrize("at", ["to_recipient", "to_message"])
def test_a_server_that_takes_nothing_from_us_bounces_nobodys_offer(
    database_url: str, clock: Clock, server: tuple[Mailbox, int], at: str
) -> None:
    mailbox, port = server
    with opened(database_url, clock) as crm:
        register(crm)
        launch(crm, held_out="0.1")
        setattr(mailbox, at, lambda address: "554 5.7.1 Relay access denied")
        found = send(crm, port)
        assert (found.sent, found.bounced, found.put_off, found.left) == (0, 0, 5, 7)
        said = "5 offers in a row were refused, whatever their address, and said: 554 5.7.1 Relay access denied"
        assert found.stopped == said
        assert states(crm) == {"assigned": 7}
        assert send(crm, port, limit=1).put_off == 1
        setattr(mailbox, at, lambda address: None)
        assert send(crm, port).sent == 7


def test_a_server_that_closes_what_is_idle_or_took_enough_is_connected_to_again(
    crm: Regulars, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    heard = Counter[str]()

    def every_second_time(sender: str) -> str | None:
        heard[sender] += 1
        return ("close", "421 4.7.0 too many messages")[heard[sender] % 4 // 2] if heard[sender] % 2 == 0 else None

    mailbox.to_sender = every_second_time
    found = send(crm, port)
    assert (found.sent, found.put_off) == (4, 0)
    assert Counter(mailbox.addresses) == dict.fromkeys(treated(crm), 1)


def test_what_is_in_doubt_is_settled_either_way_and_what_was_not_sent_goes_out_as_another_message(
    crm: Regulars, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    mailbox.to_message = lambda address: "close"
    assert send(crm, port).in_doubt == 4
    was, *wasnt = [each.offer_id for each in crm.campaigns.to_send("spring", in_doubt=True)]
    crm.do(RecordOfferSent(offer_id=was, channel="email"))
    crm.do([RecordOfferNotSent(offer_id=each) for each in wasnt])
    assert states(crm) == {"sent": 1, "assigned": 3}
    assert not [*crm.campaigns.to_send("spring", in_doubt=True)]
    mailbox.to_message = lambda address: None
    assert send(crm, port).sent == 3
    tried = [each.event.message_id for each in crm.events(types=OfferSending)]
    assert len(tried) == len(set(tried)) == 7
    assert {each["Message-ID"] for _, each in mailbox.taken} == set(tried[4:])


def utf8(header: str) -> str:
    """A header that wasn't encoded; the parser takes its bytes apart."""
    return header.encode(errors="surrogateescape").decode()


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("j\u00f6rg@example.com", "j\u00f6rg@example.com"),
        ("o'neill,ada@example.com", '"o\'neill,ada"@example.com'),
    ],
)
def test_an_address_reaches_the_server_as_it_is_written_there(
    server: tuple[Mailbox, int], address: str, written: str
) -> None:
    mailbox, port = server
    offer = OutgoingOffer(
        offer_id="0123456789abcdef",
        campaign_id="spring",
        customer_id=CustomerId("5b0c1f9e7d1a4c3e8f60a2b4c6d8e0f1"),
        ref=None,
        name="J\u00f6rg \u674e",
        channel="email",
        address=address,
        subject="\u6625" * 200,
        text="\u6625 " * 2_000,
        coupon=None,
        message_id="<0123456789abcdef.000000000000@coffee.example>",
    )
    at = MailServer(host="127.0.0.1", port=port, encryption="none")
    with SmtpCarrier(at, SENDER, lambda: BEGIN) as carrier:
        assert carrier.carry(offer, lambda: None).fate == "sent"
    ((to, message),) = mailbox.taken
    assert to == written
    (recipient,) = message["To"].addresses
    assert (utf8(recipient.display_name), utf8(recipient.addr_spec)) == (offer.name, written)
    assert utf8(message["Subject"]) == offer.subject
    assert message.get_content().strip() == offer.text.strip()
    assert max(len(line) for line in message.as_bytes().splitlines()) < 998


def test_whoever_unsubscribes_writes_to_the_sender_whatever_is_in_its_address(crm: Regulars) -> None:
    (offer, *_) = crm.campaigns.to_send("spring")
    sender = parse_sender("li+50%?off@b\u00fccher.example")
    message = offer_mail(replace(offer, message_id="<1@coffee.example>"), sender, BEGIN)
    asked = f"subject=unsubscribe%20{offer.offer_id}"
    assert message["List-Unsubscribe"] == f"<mailto:li+50%25%3Foff@xn--bcher-kva.example?{asked}>"


def test_a_server_that_isnt_there_or_takes_nothing_from_us_is_said_and_nothing_is_recorded(crm: Regulars) -> None:
    with pytest.raises(MailServerUnusable, match=r"127\.0\.0\.1 can't be used"):
        send(crm, 1)
    assert states(crm) == {"assigned": 4}
    with pytest.raises(ValueError, match=r"mail\.example\.com is another machine"):
        MailServer(host="mail.example.com", encryption="none")


def test_a_server_without_encryption_is_said_with_what_there_is_instead(crm: Regulars) -> None:
    offers_none = pytest.raises(MailServerUnusable, match=r"offers no STARTTLS; the encryption `tls` .* `none` is for")
    with mail_server() as (mailbox, port), offers_none:
        send(crm, port, encryption="starttls")
    assert not mailbox.addresses
    assert states(crm) == {"assigned": 4}


def test_two_who_send_at_once_send_each_offer_once(crm: Regulars, database_url: str, clock: Clock) -> None:
    sent, lock = Counter[str](), Lock()

    def by(offer: OutgoingOffer) -> None:
        with lock:
            sent[offer.offer_id] += 1

    def run() -> SendingReport:
        with opened(database_url, clock) as mine:
            return mine.campaigns.send("spring", by)

    with ThreadPoolExecutor(3) as pool:
        reports = [each.result() for each in [pool.submit(run) for _ in range(3)]]
    assert sent == dict.fromkeys(treated(crm).values(), 1)
    assert sum(each.sent for each in reports) == 4


# ---------------------------------------------------------------------------------------------------- the coupon


def test_everybody_who_is_treated_is_told_a_code_of_their_own_which_is_theirs_alone(
    database_url: str, clock: Clock, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    with opened(database_url, clock) as crm:
        register(crm)
        crm.do(CreateCoupon(coupon_id="BACK", personal=True, amount=5))
        launch(crm, coupon_id="back", offer="Dear {name}, {coupon} takes 5 EUR off.")
        issued = {f"shop:{number}": crm.coupon_codes(f"shop:{number}") for number in range(PEOPLE)}
        codes = {ref: its[0].code for ref, its in issued.items() if its}
        assert {f"ada{ref[5:]}@example.com" for ref in codes} == set(treated(crm))
        assert {each.ref: each.coupon for each in crm.campaigns.to_send("spring")} == codes
        assert send(crm, port).sent == len(set(codes.values())) == 4
        for address, message in mailbox.taken:
            number = address[3]
            assert message.get_content().strip() == f"Dear Ada {number}, {codes[f'shop:{number}']} takes 5 EUR off."
        ref, code = min(codes.items())
        other = next(f"shop:{number}" for number in range(PEOPLE) if f"shop:{number}" not in codes)
        with pytest.raises(Rejected, match="another customer"):
            crm.do(RecordPurchase(customer=other, order_id="A-1", amount=20, currency="EUR", coupon=code))
        crm.do(RecordPurchase(customer=ref, order_id="A-1", amount=20, currency="EUR", coupon=code))
        assert crm.coupon("BACK").coupon.issued == 4


def test_a_code_that_everybody_may_give_is_told_where_the_text_says_or_at_its_end() -> None:
    assert filled_in("Take {coupon}, {name}!", "Ada", "TEA10") == "Take TEA10, Ada!"
    assert filled_in("Take {coupon}, {name}!", None, None) == "Take,!"
    assert filled_in("10 % off with tea10.", None, "TEA10") == "10 % off with tea10."
    assert filled_in("10 % off.", None, "TEA10") == "10 % off.\n\nTEA10"
    assert filled_in("Dear {name}", "{coupon}", "TEA10") == "Dear {coupon}\n\nTEA10"


def test_a_coupon_that_isnt_there_or_is_over_is_offered_to_nobody(
    database_url: str, clock: Clock, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    with opened(database_url, clock) as crm:
        register(crm)
        with pytest.raises(Rejected, match=r'there is no coupon "TEA10"; CreateCoupon makes one'):
            launch(crm, coupon_id="TEA10")
        for coupon_id in ("TEA10", "TEA5"):
            crm.do(CreateCoupon(coupon_id=coupon_id, percent=10))
        crm.do(EndCoupon(coupon_id="TEA5"))
        with pytest.raises(Rejected, match='coupon "TEA5" was ended on'):
            launch(crm, coupon_id="TEA5")
        assert 'coupon "TEA5" was ended on' in str(crm.campaigns.preview("spring").refusal)
        crm.do(ChangeCampaign(campaign_id="spring", coupon_id="tea 10"))
        crm.campaigns.launch("spring")
        assert {each.coupon for each in crm.campaigns.to_send("spring")} == {"TEA10"}
        assert send(crm, port, limit=1).sent == 1
        crm.do(EndCoupon(coupon_id="TEA10"))
        found = send(crm, port)
        assert (found.sent, found.left) == (0, 3)
        assert found.stopped is not None
        assert found.stopped.startswith('coupon "TEA10" was ended on')
        assert mailbox.taken[0][1].get_content().splitlines()[-1] == "TEA10"


# ---------------------------------------------------------------------------------------- whether now, and to whom


def test_consent_is_asked_once_more_and_whoever_withdrew_it_stays_in_their_arm(
    crm: Regulars, server: tuple[Mailbox, int]
) -> None:
    mailbox, port = server
    address, *rest = sorted(treated(crm))
    crm.do(WithdrawConsent(customer=f"shop:{address[3]}", channel="email", purpose="news"))
    found = send(crm, port)
    assert (found.sent, dict(found.skipped), found.left) == (3, {"no_consent": 1}, 0)
    assert sorted(mailbox.addresses) == rest
    assert states(crm) == {"sent": 3, "skipped": 1}
    launched = crm.campaigns.campaign("spring").campaign.launch
    assert launched is not None
    assert launched.treated == 4


def test_whoever_does_not_pass_a_gate_any_more_is_not_on_the_list_either(crm: Regulars) -> None:
    """By each gate that is asked again; what is in doubt is listed whoever they are."""
    consent, account, address, other = (f"shop:{each[3]}" for each in sorted(treated(crm)))
    crm.do(WithdrawConsent(customer=consent, channel="email", purpose="news"))
    crm.do(CloseAccount(customer=account))
    crm.do(ChangeContactDetails(customer=address, email=None))
    assert [each.ref for each in crm.campaigns.to_send("spring")] == [other]
    found = crm.campaigns.send("spring", lambda offer: None)
    assert dict(found.skipped) == {"closed": 1, "no_address": 1, "no_consent": 1}


def test_a_pace_and_a_limit_are_above_nothing(crm: Regulars) -> None:
    for asked in ({"per_minute": 0}, {"per_minute": -1.0}, {"limit": 0}):
        with pytest.raises(ValueError, match=r"not (0|-1\.0)$"):
            crm.campaigns.send("spring", lambda offer: None, **asked)  # type: ignore[arg-type]
    assert states(crm) == {"assigned": 4}


@pytest.mark.parametrize("channel", ["phone", "post"])
def test_what_goes_out_on_another_channel_is_not_sent_by_mail(
    database_url: str, clock: Clock, server: tuple[Mailbox, int], channel: str
) -> None:
    _, port = server
    with opened(database_url, clock) as crm:
        for number in range(PEOPLE):
            crm.do(RegisterCustomer(ref=f"shop:{number}", phone=f"+4930123450{number}", occurred_at=BEGIN))
            crm.do(
                GiveConsent.model_validate(
                    {"customer": f"shop:{number}", "channel": channel, "purpose": "news", "occurred_at": BEGIN}
                )
            )
        launch(crm, channel=channel)
        with pytest.raises(
            Rejected, match=f'campaign "spring" goes out by {channel}; a mail server sends e-mail alone'
        ):
            send(crm, port)
        assert states(crm) == {"assigned": 4}


def test_who_is_skipped_keeps_nobody_waiting(crm: Regulars) -> None:
    for each in treated(crm):
        crm.do(WithdrawConsent(customer=f"shop:{each[3]}", channel="email", purpose="news"))
    assert dict(crm.campaigns.send("spring", lambda offer: None, per_minute=0.001).skipped) == {"no_consent": 4}


def test_customers_who_are_one_are_written_to_where_no_offer_came_back_from(crm: Regulars) -> None:
    """Whichever of them survived: the address of that one bounced for good."""
    address, offer_id = next(iter(treated(crm).items()))
    crm.do(RecordOfferBounced(offer_id=offer_id, hard=True))
    crm.do(RegisterCustomer(ref="till:1"))
    crm.do(ChangeContactDetails(customer="till:1", email="ada@new.example"))
    crm.do(GiveConsent(customer="till:1", channel="email", purpose="news"))
    crm.do(MergeCustomers(customer="till:1", into=f"shop:{address[3]}"))
    launch(crm, campaign_id="summer", held_out="0.01")
    (held_out,) = crm.campaigns.who("summer", arm="held_out")
    reached = {each.ref: each.address for each in crm.campaigns.to_send("summer")}
    assert address not in reached.values()
    assert held_out.ref == f"shop:{address[3]}" or reached[f"shop:{address[3]}"] == "ada@new.example"


def test_what_doesnt_run_sends_nothing_and_says_why(crm: Regulars, server: tuple[Mailbox, int]) -> None:
    mailbox, port = server
    crm.do(PauseCampaign(campaign_id="spring"))
    found = send(crm, port)
    assert (found.sent, found.left, found.stopped) == (0, 4, "the campaign is paused")
    crm.do(ResumeCampaign(campaign_id="spring"))
    assert send(crm, port, limit=1).left == 3
    crm.do(EndCampaign(campaign_id="spring"))
    assert send(crm, port).stopped == "the campaign is ended"
    assert len(mailbox.taken) == 1
    with pytest.raises(NotFound):
        crm.campaigns.send("summer", lambda offer: None)


def test_a_campaign_without_a_text_cant_be_sent(database_url: str, clock: Clock) -> None:
    with opened(database_url, clock) as crm:
        for number in range(PEOPLE):
            crm.do(RegisterCustomer(ref=f"shop:{number}", occurred_at=BEGIN))
            crm.do(GiveConsent(customer=f"shop:{number}", channel="post", purpose="news", occurred_at=BEGIN))
        launch(crm, channel="post", offer=None)
        with pytest.raises(Rejected, match="no text to send"):
            crm.campaigns.send("spring", lambda offer: None)


def test_quiet_hours_delay_and_exclude_nobody(database_url: str, clock: Clock) -> None:
    quiet = parse_rules(f'{default_text()}\n[campaigns]\nquiet_from = "21:00"\nquiet_to = "08:00"\n')
    with opened(database_url, clock) as crm:
        crm.rules.publish(quiet, reason="they sleep")
        for number in range(PEOPLE):
            crm.do(RegisterCustomer(ref=f"shop:{number}", email=f"ada{number}@example.com", occurred_at=BEGIN))
            crm.do(GiveConsent(customer=f"shop:{number}", channel="email", purpose="news", occurred_at=BEGIN))
        launch(crm)
        zone = crm.ruleset.zone
        clock.now = datetime(2024, 1, 9, 22, 30, tzinfo=zone)
        found = crm.campaigns.send("spring", lambda offer: None)
        assert (found.sent, found.stopped, found.left) == (0, "these are quiet hours", 4)
        assert found.until == datetime(2024, 1, 10, 8, 0, tzinfo=zone)
        clock.now = datetime(2024, 1, 10, 8, 0, tzinfo=zone)
        assert crm.campaigns.send("spring", lambda offer: None).sent == 4


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        ("21:00", "08:00", "2026-03-01 20:59", None),
        ("21:00", "08:00", "2026-03-01 21:00", "2026-03-02 08:00"),
        ("21:00", "08:00", "2026-03-02 07:59", "2026-03-02 08:00"),
        ("21:00", "08:00", "2026-03-02 08:00", None),
        ("12:00", "14:00", "2026-03-02 11:59", None),
        ("12:00", "14:00", "2026-03-02 13:30", "2026-03-02 14:00"),
        ("12:00", "14:00", "2026-03-02 14:00", None),
    ],
)
def test_quiet_hours_may_go_over_midnight(begins: str, ends: str, now: str, until: str | None) -> None:
    rules = CampaignRules(quiet_from=begins, quiet_to=ends)
    found = quiet_until(rules, datetime.fromisoformat(f"{now}+00:00"))
    assert found == (None if until is None else datetime.fromisoformat(f"{until}+00:00"))


def test_whatever_a_function_raises_ends_the_run_and_leaves_that_offer_in_doubt(crm: Regulars) -> None:
    def by(offer: OutgoingOffer) -> None:
        raise RuntimeError("no paper")

    with pytest.raises(RuntimeError, match="no paper"):
        crm.campaigns.send("spring", by)
    assert states(crm) == {"assigned": 3, "sending": 1}


# ---------------------------------------------------------------------------------------------------- what comes back

REPORT = """From MAILER-DAEMON Mon Mar  2 10:00:00 2026
Return-Path: <>
Date: Mon, 2 Mar 2026 10:00:00 +0000
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: li@coffee.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="XYZ"

--XYZ
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--XYZ
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Mon,  2 Mar 2026 09:59:00 +0000

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.com
Diagnostic-Code: smtp; 550 said so

--XYZ
Content-Description: Undelivered Message
Content-Type: {attached}

From: Li <li@coffee.example>
To: {address}
Message-ID: {message_id}
Subject: Spring

Dear you
--XYZ--

"""
LEAVING = """From ada Mon Mar  2 11:00:00 2026
Date: Mon, 2 Mar 2026 11:00:00 +0100
From: ada@elsewhere.example
To: li@coffee.example
Subject: unsubscribe {offer_id}

"""
OTHER = """From ada Mon Mar  2 12:00:00 2026
Date: Mon, 2 Mar 2026 11:00:00 +0100
From: ada@elsewhere.example
To: li@coffee.example
Subject: unsubscribe me, please

I'd like to unsubscribe 0123.
"""


def sent_ids(crm: Regulars) -> dict[str, str]:
    return {each.event.offer_id: str(each.event.message_id) for each in crm.events(types=OfferSent)}


def test_what_comes_back_is_recorded_once_by_what_it_names(
    crm: Regulars, server: tuple[Mailbox, int], clock: Clock, tmp_path: Path
) -> None:
    _, port = server
    send(crm, port)
    clock.now = datetime(2026, 3, 3, tzinfo=UTC)
    (hard_at, hard), (soft_at, soft), (delayed_at, delayed), (_, leaving) = sorted(treated(crm).items())
    ids = sent_ids(crm)

    def report(address: str, offer_id: str, action: str, status: str, attached: str) -> str:
        return REPORT.format(address=address, action=action, status=status, attached=attached, message_id=ids[offer_id])

    mbox = tmp_path / "returned.mbox"
    mbox.write_text(
        report(hard_at, hard, "failed", "5.1.1", "message/rfc822")
        + report(soft_at, soft, "failed", "5.7.1", "text/rfc822-headers")
        + report(delayed_at, delayed, "delayed", "4.4.1", "message/rfc822")
        + LEAVING.format(offer_id=leaving)
        + LEAVING.format(offer_id="0123456789abcdef")
        + OTHER
    )
    found = crm.campaigns.take_returned(mbox)
    assert (found.mails, found.bounced, found.hard, found.unsubscribed) == (6, 2, 1, 1)
    assert (found.unknown, found.other, found.unchanged) == (1, 2, 0)
    by_offer = {each.offer_id: each for each in crm.campaigns.who("spring", arm="treated")}
    assert {hard: "bounced", soft: "bounced", delayed: "sent", leaving: "unsubscribed"} == {
        offer_id: each.state for offer_id, each in by_offer.items()
    }
    ref = by_offer[leaving].ref
    assert ref is not None
    assert [(each.channel, each.given) for each in crm.consents(ref).consents] == [("email", False)]
    again = crm.campaigns.take_returned(mbox)
    assert (again.bounced, again.unsubscribed, again.unchanged) == (0, 0, 3)
    # Whose address doesn't work isn't written to again by another campaign, until it is another address.
    crm.do(
        PlanCampaign(
            campaign_id="summer",
            title="Summer",
            kind="offer",
            channel="email",
            purpose="news",
            customers=tuple(f"shop:{number}" for number in range(PEOPLE)),
        )
    )
    preview = crm.campaigns.preview("summer")
    assert dict(preview.skipped) == {"no_address": 1, "no_consent": 1}


@pytest.mark.parametrize("written", ["Mon, 2 Mar 1970 11:00:00 +0100", "Mon, 01 Jan 0001 00:00:00 +1400", "yesterday"])
def test_whoever_unsubscribes_by_a_clock_that_is_wrong_no_longer_consents(
    crm: Regulars, tmp_path: Path, written: str
) -> None:
    (offer, *_) = crm.campaigns.to_send("spring")
    mbox = tmp_path / "returned.mbox"
    mail = LEAVING.format(offer_id=offer.offer_id).replace("Mon, 2 Mar 2026 11:00:00 +0100", written)
    mbox.write_text(mail + mail)
    found = crm.campaigns.take_returned(mbox)
    assert (found.unsubscribed, found.unchanged) == (1, 1)
    assert offer.ref is not None
    assert [(each.channel, each.given) for each in crm.consents(offer.ref).consents] == [("email", False)]
    assert offer.offer_id not in {each.offer_id for each in crm.campaigns.to_send("spring")}


@pytest.mark.parametrize(
    ("status", "is_hard"),
    [
        ("5.1.1", True),
        ("5.1.10", True),  # its domain takes no mail
        ("5.4.4", True),  # its domain isn't there
        ("5.2.1", True),  # disabled
        ("5.2.2", False),  # full
        ("5.2.3", False),  # the message is too long
        ("5.1.8", False),  # the sender's address
        ("5.7.1", False),
        ("4.1.1", None),
        ("no such user", None),
        ("see 15.1.1 of our terms", None),
    ],
)
def test_a_status_says_whether_the_address_does_not_work(status: str, is_hard: bool | None) -> None:
    assert is_of_the_address(f"{status} because") is is_hard


def test_what_is_no_mail_says_nothing(crm: Regulars, tmp_path: Path) -> None:
    file = tmp_path / "odd.eml"
    file.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(NotFound, match=r"no mail in .*odd\.eml: expected an mbox or an \.eml file"):
        crm.campaigns.take_returned(file)
    file.write_bytes(b"Subject: odd\r\n\r\n" + bytes(range(256)) * 40)
    assert crm.campaigns.take_returned(file).other == 1
    with pytest.raises(NotFound):
        crm.campaigns.take_returned(tmp_path / "nothing.mbox")
