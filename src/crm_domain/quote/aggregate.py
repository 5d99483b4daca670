"""The quote as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.quote.decider import (
    QUOTE,
    AcceptQuote,
    DeclineQuote,
    QuoteAccepted,
    QuoteDeclined,
    QuoteEvent,
    QuoteRevised,
    QuoteSent,
    ReviseQuote,
    SendQuote,
)
from regulars.crm_domain.quote.examples import examples
from regulars.crm_domain.quote.wording import WORDING

_OFFERS = (QuoteSent, QuoteRevised)
_NUMBERS = ("lines.quantity", "lines.unit_price", "lines.tax_rate")

AGGREGATE = Aggregate(
    decider=QUOTE,
    events=get_args(QuoteEvent),
    commands=(
        *addressed(SendQuote, customer="customer", key="quote_id"),
        *addressed(ReviseQuote, AcceptQuote, DeclineQuote, key="quote_id"),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("quote_id",),
            events=get_args(QuoteEvent),
            why="the number that it has outside, by which a quote is found",
        ),
        InTheClear(fields=("currency",), events=(*_OFFERS, QuoteAccepted), why="a code of ISO 4217"),
        InTheClear(fields=("lines.sku",), events=_OFFERS, why="what is offered, to be counted"),
        InTheClear(fields=_NUMBERS, events=_OFFERS, why="exact decimal numbers"),
        InTheClear(fields=("valid_until",), events=_OFFERS, why="the day on which a quote runs out"),
        InTheClear(fields=("opportunity_id",), events=(QuoteSent,), why="the number of the opportunity that it is for"),
        InTheClear(fields=("firm_id",), events=(QuoteSent,), why="the random id of a customer"),
        InTheClear(fields=("cause",), events=(QuoteDeclined,), why="a word to group by"),
        InTheClear(
            fields=("order_id", "contract_id"),
            events=(QuoteAccepted,),
            why="the numbers of the order and the contract that came of it",
        ),
    ),
)
