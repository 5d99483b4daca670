"""Two who write at once look at their clocks one after the other, and may write the other way round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import regulars
from regulars import OpenTicket, RegisterCustomer, Rejected, ReplyAsAgent, ResolveTicket

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("ahead", [timedelta(microseconds=1), timedelta(minutes=5)])
def test_who_names_no_time_comes_after_what_was_written_meanwhile(database_url: str, ahead: timedelta) -> None:
    with regulars.open(database_url, clock=lambda: NOON + ahead) as first:
        first.do(RegisterCustomer(ref="a"))
        first.do([OpenTicket(customer="a", ticket_id="T"), ReplyAsAgent(ticket_id="T")])
    with regulars.open(database_url, clock=lambda: NOON) as second:
        (resolved,) = second.do(ResolveTicket(ticket_id="T")).events
        assert resolved.occurred_at == int((NOON + ahead).timestamp()) * 1_000_000 + (NOON + ahead).microsecond
        with pytest.raises(Rejected) as refusal:  # who names one is taken by their word
            second.do(ReplyAsAgent(ticket_id="T", occurred_at=NOON))
        assert refusal.value.code == "out_of_order"
