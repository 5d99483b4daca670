"""What is posted: a CloudEvent whose signature a receiver checks, and pauses that follow from a message's id alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from regulars import CustomerId
from regulars.asking.one_customer import Contact
from regulars.changes.change import Change
from regulars.crm_domain.instant import to_instant
from regulars.hooks.message import Message, body_of, new_secret, require_secret, signed
from regulars.hooks.schedule import asked_for, pause_after, quiet_after

SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86400 * 10**6
SINCE = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC)
CHANGE = Change(
    id="c-1",
    kind="fell_due",
    what="tier",
    customer_id=CustomerId("0a1b"),
    key=None,
    old="gold",
    new="silver",
    since=SINCE,
    position=None,
    due=SINCE,
)


def test_a_change_is_a_cloud_event() -> None:
    assert json.loads(body_of(CHANGE, "h1", None)) == {
        "specversion": "1.0",
        "id": "c-1",
        "source": "/regulars/hooks/h1",
        "type": "regulars.fell_due.tier",
        "subject": "0a1b",
        "time": "2026-03-01T12:30:00.000005Z",
        "datacontenttype": "application/json",
        "data": {
            "kind": "fell_due",
            "what": "tier",
            "customer": {"id": "0a1b"},
            "key": None,
            "old": "gold",
            "new": "silver",
            "since": "2026-03-01T12:30:00.000005Z",
            "position": None,
            "due": "2026-03-01T12:30:00.000005Z",
        },
    }


def test_names_are_posted_where_the_hook_says_so_and_of_the_forgotten_none() -> None:
    ada = Contact(ref="shop:1", name="Ada", email="ada@example.com", birthday="05-17")
    assert json.loads(body_of(CHANGE, "h1", ada))["data"]["customer"] == {
        "id": "0a1b",
        "ref": "shop:1",
        "name": "Ada",
        "email": "ada@example.com",
        "phone": None,
    }
    forgotten = json.loads(body_of(CHANGE, "h1", Contact()))["data"]["customer"]
    assert forgotten == {"id": "0a1b", "ref": None, "name": None, "email": None, "phone": None}


def test_what_is_about_nobody_has_no_subject() -> None:
    change = Change(
        **{name: getattr(CHANGE, name) for name in CHANGE.__struct_fields__ if name != "customer_id"}, customer_id=None
    )
    event = json.loads(body_of(change, "h1", None))
    assert "subject" not in event
    assert event["data"]["customer"] is None


def test_the_signature_is_that_of_standard_webhooks() -> None:
    key = bytes(range(32))
    secret = "whsec_" + base64.b64encode(key).decode()
    message = signed(b'{"a": 1}', "m-1", secret, to_instant(SINCE))
    stamp = str(int(SINCE.timestamp()))
    mac = hmac.new(key, f'm-1.{stamp}.{{"a": 1}}'.encode(), hashlib.sha256).digest()
    assert message.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert (message.headers["webhook-id"], message.headers["webhook-timestamp"]) == ("m-1", stamp)
    assert message.headers["Content-Type"] == "application/cloudevents+json"


def test_a_receiver_takes_what_we_signed_and_nothing_that_was_changed() -> None:
    secret, now = new_secret(), to_instant(datetime.now(UTC))
    message = signed(body_of(CHANGE, "h1", None), CHANGE.id, secret, now)
    assert Webhook(secret).verify(message.body, dict(message.headers))["id"] == "c-1"
    for wrong in (
        Message(body=message.body.replace(b"silver", b"gold!!"), headers=message.headers),
        Message(body=message.body, headers={**message.headers, "webhook-id": "c-2"}),
        signed(message.body, CHANGE.id, new_secret(), now),
        signed(message.body, CHANGE.id, secret, now - 6 * MINUTE),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(wrong.body, dict(wrong.headers))


def test_secrets_are_random_and_long_enough() -> None:
    assert new_secret() != new_secret()
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32
    assert require_secret(new_secret()).startswith("whsec_")
    for none in ("", "whsec_", "whsec_short", "whsec_" + "!" * 40, base64.b64encode(bytes(23)).decode(), "a" * 200):
        with pytest.raises(ValueError, match="base64 of 24 to 64 bytes") as refused:
            require_secret(none)
        assert not none or none not in str(refused.value).replace("whsec_ and", "")


# ------------------------------------------------------------------------------------------------------------ pauses


@given(st.text(), st.integers(1, 9))
def test_a_pause_follows_from_the_message_and_is_up_to_a_quarter_longer(message_id: str, attempts: int) -> None:
    pauses = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
    pause = pause_after(attempts, message_id)
    assert pause == pause_after(attempts, message_id)
    assert pause is not None
    assert pauses[attempts - 1] <= pause < pauses[attempts - 1] * 5 // 4


def test_after_ten_attempts_over_more_than_three_days_it_is_given_up() -> None:
    pauses = [pause_after(attempts, "m-1") for attempts in range(1, 11)]
    assert pauses[-1] is None
    assert 3 * DAY < sum(each for each in pauses if each is not None) < 4 * DAY


def test_what_failed_together_is_not_tried_together_again() -> None:
    assert len({pause_after(2, f"m-{number}") for number in range(100)}) > 90


def test_a_hook_is_quiet_after_five_failures_in_a_row_and_for_little_more_than_an_hour_at_most() -> None:
    assert [quiet_after(failures, "h1") for failures in range(5)] == [0] * 5
    assert 5 * SECOND <= quiet_after(5, "h1") < quiet_after(6, "h1") < quiet_after(8, "h1")
    assert all(HOUR <= quiet_after(failures, "h1") < HOUR * 5 // 4 for failures in range(8, 200))


def test_a_receiver_is_granted_a_pause_of_a_day_at_most() -> None:
    assert asked_for(None) == 0
    assert asked_for(timedelta(seconds=-5)) == 0
    assert asked_for(timedelta(minutes=2)) == 2 * MINUTE
    assert asked_for(timedelta(days=365)) == DAY
