"""Who sends offers is killed, and the mail server fails at random: nobody gets one twice, and none is lost silently.

What is in doubt is settled by what the mail server says that it took, and sent again where it took nothing.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from mailservers import Mailbox, mail_server
from regulars import (
    GiveConsent,
    MailServerUnusable,
    PlanCampaign,
    RecordOfferNotSent,
    RecordOfferSent,
    RegisterCustomer,
    Regulars,
    as_toml,
    default_rules,
    parse_rules,
)
from regulars.sending.message import parse_sender
from regulars.sending.smtp import MailServer, SmtpCarrier
from torture.journal import Journal, wait_until_ready
from torture.killing import any_fate, end, light, started, wait_until_alone
from torture.shop import fresh_store, opened, require_sound
from torture.tally import Tally

PEOPLE = 12
SENDER = parse_sender("li@coffee.example")


def send(url: str, campaign_id: str, port: int, path: str | None, fuse: int | None) -> None:
    """Send what is to be sent of a campaign."""
    server = MailServer(host="127.0.0.1", port=port, encryption="none", timeout=5.0)
    with opened(url) as crm, SmtpCarrier(server, SENDER, lambda: datetime.now(UTC)) as carrier:
        if path is not None:
            Journal(Path(path)).ready()
        light(fuse)
        try:
            crm.campaigns.send_through(campaign_id, carrier.carry)
        except MailServerUnusable:
            return  # it was busy with losing connections


class Unreliable:
    """Takes most of what comes, and fails with the rest in one way or another, the same way from a seed."""

    def __init__(self, mailbox: Mailbox, seed: int) -> None:
        self._dice, self._lock = Random(seed), threading.Lock()
        mailbox.to_recipient = lambda address: self._one_of(address, 0.1, "451 4.7.1 later", "close")
        mailbox.to_message = lambda address: self._one_of(address, 0.1, "451 4.3.0 later", "close", "554 5.7.1 no")
        mailbox.after_message = lambda address: self._one_of(address, 0.1, "close")

    def _one_of(self, address: str, share: float, *answers: str) -> str | None:
        with self._lock:
            return self._dice.choice(answers) if self._dice.random() < share else None


def killed_senders(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round a campaign is sent by somebody who is killed, and then by others until nothing is left to send."""
    tally = Tally()
    with (
        tempfile.TemporaryDirectory() as name,
        fresh_store(kind, server, Path(name)) as url,
        mail_server() as (mailbox, port),
    ):
        Unreliable(mailbox, dice.randrange(2**32))
        with opened(url) as crm:
            often = parse_rules(f"{as_toml(default_rules())}\n[campaigns]\nmax_offers = 1000\n")
            crm.rules.publish(often, reason="a campaign a round")
            for number in range(PEOPLE):
                ref = f"shop:{number}"
                crm.do(RegisterCustomer(ref=ref, name=f"Ada {number}", email=f"{number}@example.com"))
                crm.do(GiveConsent(customer=ref, channel="email", purpose="news"))
        for number in range(rounds):
            campaign_id, journal = f"round-{number}", Path(name) / f"journal-{number}"
            with opened(url) as crm:
                launch(crm, campaign_id)
            mailbox.taken.clear()
            fate = any_fate(dice, calls=150_000, seconds=0.5)
            with started(send, url, campaign_id, port, str(journal), fate[0]) as process:
                wait_until_ready(journal)
                killed = end(process, fate)
            wait_until_alone(url)
            for _ in range(20):
                send(url, campaign_id, port, None, None)
                with opened(url) as crm:
                    settle(crm, campaign_id, mailbox)
                    if not [*crm.campaigns.to_send(campaign_id)]:
                        break
            with opened(url) as crm:
                require_sound(crm)
                sent = require_sent_once(crm, campaign_id, mailbox)
            tally += Tally(rounds=1, faults=killed, acknowledged=sent)
    return tally


def launch(crm: Regulars, campaign_id: str) -> None:
    """A campaign that nobody is kept out of by those before."""
    crm.do(
        PlanCampaign(
            campaign_id=campaign_id,
            title="Spring",
            kind="offer",
            channel="email",
            purpose="news",
            offer="Dear {name}, ten per cent off.",
            customers=tuple(f"shop:{number}" for number in range(PEOPLE)),
            held_out="0.1",
        )
    )
    crm.campaigns.launch(campaign_id)


def settle(crm: Regulars, campaign_id: str, mailbox: Mailbox) -> None:
    """Say of what is in doubt whether it was sent, as somebody does who looks into the mail server."""
    for each in [*crm.campaigns.to_send(campaign_id, in_doubt=True)]:
        was_sent = each.address in mailbox.addresses
        crm.do(
            RecordOfferSent(offer_id=each.offer_id, channel="email")
            if was_sent
            else RecordOfferNotSent(offer_id=each.offer_id)
        )


def require_sent_once(crm: Regulars, campaign_id: str, mailbox: Mailbox) -> int:
    """Nobody got two; what the server took is sent, what it didn't take bounced, and nothing is left or in doubt."""
    states = Counter(each.state for each in crm.campaigns.who(campaign_id, arm="treated"))
    assert set(states) <= {"sent", "bounced"}, states
    got = Counter(address for address, _ in mailbox.taken)
    assert all(count == 1 for count in got.values()), got
    sent = {
        f"{(each.ref or '').removeprefix('shop:')}@example.com" for each in crm.campaigns.who(campaign_id, state="sent")
    }
    assert sent == set(got), "what is recorded as sent isn't what the server took"
    return len(sent)
