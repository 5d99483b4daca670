"""Commands meet untrusted input: what they take, what they refuse, and that they survive JSON."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from given import fold
from regulars.crm_domain.catalogue import AGGREGATES, CATALOGUE, COMMANDS, DECIDERS, address
from regulars.crm_domain.command import Command, Context, CustomerId, Decider, now_after, occurred_at, strictly_after
from regulars.crm_domain.customer import (
    CUSTOMER,
    AssignOwner,
    ChangeContactDetails,
    CloseAccount,
    CustomerRegistered,
    ErasePersonalData,
    GiveConsent,
    RecordChurnReason,
    RecordPreference,
    RegisterCustomer,
    TagCustomer,
    UntagCustomer,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.explain_invalid import sentence
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.interaction import AddNote, RecordInteraction, RecordSurveyAnswer
from regulars.crm_domain.issued_coupon import IssueCoupon
from regulars.crm_domain.membership import (
    AdjustPoints,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    MembershipCommand,
    RedeemPoints,
)
from regulars.crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn
from regulars.crm_domain.reminder import SettleReminder
from regulars.crm_domain.ticket import (
    AssignTicket,
    ClassifyTicket,
    OpenTicket,
    RateTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEXT = Context(now=to_instant(NOON), currency="EUR")
ADA_ID, BOB_ID = CustomerId("0123456789abcdef" * 2), CustomerId("fedcba9876543210" * 2)

EXAMPLES: tuple[Command, ...] = tuple(each for known in AGGREGATES for each in known.examples().commands)


def by_reference(command: Command) -> Command:
    """The command as it stands above."""
    return command


def by_id(command: Command) -> Command:
    """The same command to a customer named by id, where it names one at all."""
    return command.model_copy(update={"customer": ADA_ID}) if "customer" in type(command).model_fields else command


def with_envelope(command: Command) -> Command:
    """The same command with everything that all commands share."""
    envelope = {"occurred_at": NOON, "reason": "She rang", "command_id": "c-1"}
    if isinstance(command, ErasePersonalData):
        del envelope["reason"]
    return command.model_copy(update=envelope)


each_example = pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: type(command).__name__)


def test_the_examples_are_of_every_command() -> None:
    assert {type(command) for command in EXAMPLES} == set(COMMANDS.values())


@pytest.mark.parametrize(("name", "command"), COMMANDS.items())
def test_a_command_goes_by_its_name_and_explains_itself(name: str, command: type[Command]) -> None:
    assert name == command.__name__
    assert command.__doc__


# -------------------------------------------------------------------------------------------------------------- json


@each_example
@pytest.mark.parametrize("variant", [by_reference, by_id, with_envelope])
def test_a_command_survives_json(command: Command, variant: Any) -> None:
    command = variant(command)
    again = type(command).model_validate_json(command.model_dump_json())
    assert again == command
    for field in ("customer", "referred"):  # equal text is not enough: an id and a reference are different names
        assert type(getattr(again, field, None)) is type(getattr(command, field, None))


@each_example
def test_a_command_survives_being_a_dictionary(command: Command) -> None:
    assert type(command).model_validate(command.model_dump()) == command


def test_an_id_and_a_reference_of_the_same_letters_are_written_differently() -> None:
    reference, customer_id = CloseAccount(customer=str(ADA_ID)), CloseAccount(customer=ADA_ID)
    assert reference.model_dump_json() != customer_id.model_dump_json()


# ------------------------------------------------------------------------------------------------------ frozen, closed


@each_example
def test_a_command_does_not_change(command: Command) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        command.reason = "another"


@each_example
def test_an_unknown_field_is_refused(command: Command) -> None:
    fields = command.model_dump(exclude_unset=True) | {"colour": "blue"}
    with pytest.raises(ValidationError) as refused:
        type(command).model_validate(fields)
    assert sentence(refused.value) == "colour: there is no such field"


@pytest.mark.parametrize("field", ["order-id", "order id", "2nd", "id:"])
def test_an_unknown_field_is_named_however_it_is_spelt(field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RecordReturn.model_validate({"order_id": "A-1", field: "A-1"})
    assert field in sentence(refused.value)


def test_an_unknown_field_of_a_line_is_refused() -> None:
    with pytest.raises(ValidationError) as refused:
        OrderLine.model_validate({"sku": "tea", "colour": "green"})
    assert sentence(refused.value) == "colour: there is no such field"


#: What no field takes, or few: of another kind, empty, too long, out of reach, or with what can't be written.
SENSELESS: tuple[Any, ...] = (
    *("", "twelve", "-1", "1e400", "\x00", "\ud800", "x" * 20_000, "2026-13-40", "2026-01-01T00:00:00", "Sunday"),
    *(None, True, -1, 0, 1.5, float("nan"), float("inf"), 10**40, b"\xff", object()),
    *([], {}, [None], [{}], {"sku": 1}, [{"sku": "", "quantity": "x", "unit_price": [], "tax_rate": "x"}]),
)

#: How pydantic begins or ends an objection of its own.
OF_PYDANTIC = ("Input should", "Value error", "should be", "should have", "should match", "unable to parse", "[type=")


@each_example
def test_whatever_is_wrong_with_a_field_is_said_in_our_words(command: Command) -> None:
    fields, said = command.model_dump(exclude_unset=True), []
    for field, value in product(type(command).model_fields, SENSELESS):
        try:
            type(command).model_validate(fields | {field: value})
        except ValidationError as refused:
            said.append(sentence(refused))
    assert said
    assert [each for each in said if any(word in each for word in OF_PYDANTIC)] == []


# ------------------------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize("moment", ["2026-03-01T12:00:00", "2026-03-01", datetime(2026, 3, 1, 12)])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(moment: object) -> None:
    with pytest.raises(ValidationError, match="occurred_at"):
        CloseAccount.model_validate({"customer": "shop:1", "occurred_at": moment})


@pytest.mark.parametrize(
    "number", [0, 1_772_366_400, 1_772_366_400.5, True, "0", "1772366400", "-1", "1772366400000", "1772366400.5"]
)
def test_a_number_is_no_time(number: object) -> None:
    with pytest.raises(ValidationError, match="occurred_at"):
        CloseAccount.model_validate({"customer": "shop:1", "occurred_at": number})


@pytest.mark.parametrize("number", [0, 86_400, -86_400, 0.0, "0", "86400"])
def test_a_number_is_no_birthday(number: object) -> None:
    with pytest.raises(ValidationError, match="birthday"):
        RegisterCustomer.model_validate({"birthday": number})
    with pytest.raises(ValidationError, match="birthday"):
        ChangeContactDetails.model_validate({"customer": "shop:1", "birthday": number})


def test_a_birthday_is_a_date_or_is_written_as_one() -> None:
    assert RegisterCustomer.model_validate({"birthday": "19901210"}).birthday == "1990-12-10"
    assert RegisterCustomer.model_validate({"birthday": date(1990, 12, 10)}).birthday == "1990-12-10"


def at(moment: datetime | None) -> int:
    return occurred_at(CloseAccount(customer="shop:1", occurred_at=moment), to_instant(NOON))


def refused_at(moment: datetime) -> str:
    with pytest.raises(Rejected) as refused:
        at(moment)
    return refused.value.code


def test_noon_is_so_many_microseconds() -> None:
    # 2026-03-01 is day 20,513 since 1970-01-01: 56 years of 365 days, 14 leap days before 2026, 31 + 28 days.
    assert at(NOON) == ((56 * 365 + 14 + 31 + 28) * 86_400 + 12 * 3_600) * 1_000_000


def test_a_command_without_a_time_speaks_of_now() -> None:
    assert at(None) == to_instant(NOON)


def test_an_offset_from_utc_is_taken_off() -> None:
    assert at(datetime.fromisoformat("2026-03-01T12:30:00+01:00")) == at(NOON) - 30 * 60 * 1_000_000


def test_a_microsecond_counts() -> None:
    assert at(NOON - timedelta(microseconds=1)) == at(NOON) - 1


@pytest.mark.parametrize("ahead", [timedelta(microseconds=1), timedelta(minutes=5)])
def test_a_clock_that_runs_a_little_ahead_is_clamped_to_now(ahead: timedelta) -> None:
    assert at(NOON + ahead) == at(NOON)


@pytest.mark.parametrize("ahead", [timedelta(minutes=5, microseconds=1), timedelta(days=1)])
def test_a_time_further_ahead_is_refused(ahead: timedelta) -> None:
    assert refused_at(NOON + ahead) == "in_the_future"


def test_the_last_moment_of_the_calendar_lies_in_the_future() -> None:
    assert refused_at(datetime.max.replace(tzinfo=UTC)) == "in_the_future"


def test_nothing_happened_before_1900() -> None:
    first = datetime(1900, 1, 1, tzinfo=UTC)
    assert at(first) == to_instant(first)
    assert refused_at(first - timedelta(microseconds=1)) == "too_long_ago"
    assert refused_at(datetime.min.replace(tzinfo=UTC)) == "too_long_ago"


# ------------------------------------------------------------------------------------------------------- who is meant


def test_bare_text_is_a_reference() -> None:
    who = CloseAccount(customer="shop:1").customer
    assert who == "shop:1"
    assert not isinstance(who, CustomerId)


@pytest.mark.parametrize("who", [ADA_ID, f"id:{ADA_ID}"])
def test_an_id_is_an_id(who: str) -> None:
    found = CloseAccount(customer=who).customer
    assert isinstance(found, CustomerId)
    assert found == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    ["id:", "id:1", "id:shop:1", "id:" + "g" * 32, "id:" + "a" * 31, "id:" + "a" * 33, f"id:{ADA_ID}\n", "id:\ud800"],
)
def test_an_id_has_32_hexadecimal_digits(text: str) -> None:
    with pytest.raises(ValidationError):
        CloseAccount(customer=text)


@pytest.mark.parametrize("reference", ["id:1", f"id:{ADA_ID}", " id:1"])
def test_a_reference_does_not_look_like_an_id(reference: str) -> None:
    with pytest.raises(ValidationError, match="can't start with id:"):
        RegisterCustomer(ref=reference)


def test_a_reference_keeps_its_inside_and_loses_the_space_around_it() -> None:
    assert RegisterCustomer(ref="  shop: 1 ").ref == "shop: 1"


# -------------------------------------------------------------------------------------------------------------- text

LABELS: tuple[tuple[type[Command], str], ...] = (
    (RegisterCustomer, "ref"),
    (RegisterCustomer, "name"),
    (RegisterCustomer, "source"),
    (RegisterCustomer, "locale"),
    (ChangeContactDetails, "name"),
    (RecordPreference, "key"),
    (TagCustomer, "label"),
    (UntagCustomer, "label"),
    (AssignOwner, "owner"),
    (GiveConsent, "purpose"),
    (RecordChurnReason, "cause"),
    (CloseAccount, "customer"),
    (CloseAccount, "command_id"),
    (RecordPurchase, "order_id"),
    (RecordPurchase, "channel"),
    (RecordReturn, "return_id"),
    (AddNote, "interaction_id"),
    (EnrollMember, "program"),
    (RedeemPoints, "redemption_id"),
    (CancelRedemption, "redemption_id"),
    (AdjustPoints, "adjustment_id"),
    (GrantTierOverride, "tier"),
    (OpenTicket, "ticket_id"),
    (OpenTicket, "follows"),
    (ResolveTicket, "ticket_id"),
    (ClassifyTicket, "topic"),
    (AssignTicket, "agent"),
    (ReplyAsCustomer, "message_id"),
)
TEXTS: tuple[tuple[type[Command], str], ...] = (
    (CloseAccount, "reason"),
    (AdjustPoints, "reason"),
    (RecordPreference, "value"),
    (RecordChurnReason, "detail"),
    (RecordInteraction, "summary"),
    (RecordSurveyAnswer, "comment"),
    (AddNote, "text"),
    (OpenTicket, "subject"),
    (ReplyAsAgent, "message"),
    (ReplyAsCustomer, "message"),
    (RateTicket, "comment"),
)
each_label = pytest.mark.parametrize(("command", "field"), LABELS)
each_text = pytest.mark.parametrize(("command", "field"), TEXTS)


def taken(command: type[Command], field: str, value: object) -> Any:
    """What becomes of a value in a field of a command that is otherwise right. Raises ValidationError."""
    example = next(each for each in EXAMPLES if type(each) is command)
    return getattr(command.model_validate(example.model_dump(exclude_unset=True) | {field: value}), field)


def refused(command: type[Command], field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        taken(command, field, value)


@each_label
def test_a_label_has_one_to_200_characters(command: type[Command], field: str) -> None:
    assert taken(command, field, "ü" * 200) == "ü" * 200
    refused(command, field, "ü" * 201)
    refused(command, field, "")
    refused(command, field, "   ")


@each_text
def test_a_text_has_one_to_10_000_characters(command: type[Command], field: str) -> None:
    assert taken(command, field, "ü" * 10_000) == "ü" * 10_000
    refused(command, field, "ü" * 10_001)
    refused(command, field, "")


@each_text
def test_a_text_may_have_lines_and_tabs(command: type[Command], field: str) -> None:
    assert taken(command, field, "one\r\ntwo\tthree") == "one\r\ntwo\tthree"


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\ud800"])
@pytest.mark.parametrize(("command", "field"), [*LABELS, *TEXTS, (RegisterCustomer, "email")])
def test_control_characters_and_surrogates_are_refused(command: type[Command], field: str, character: str) -> None:
    refused(command, field, f"a@b{character}c")


# Everything at which Python's str.splitlines ends a line.
@pytest.mark.parametrize("separator", list("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
def test_a_label_is_one_line(separator: str) -> None:
    refused(TagCustomer, "label", f"very{separator}important")


@pytest.mark.parametrize("address", ["ada@example.com", "a@b", "ädä@exämple.de", "a" * 252 + "@b"])
def test_an_e_mail_address_has_something_on_both_sides_of_an_at(address: str) -> None:
    assert taken(RegisterCustomer, "email", f" {address} ") == address


@pytest.mark.parametrize("text", ["", "ada", "@example.com", "ada@", "a@b@c", "a da@b", "a@b\nc", "a" * 253 + "@b"])
def test_what_is_no_e_mail_address_is_refused(text: str) -> None:
    refused(RegisterCustomer, "email", text)


@pytest.mark.parametrize("number", ["110", "+49 30 123456", "(030) 12/34-5.6", "1" * 40])
def test_a_phone_number_is_digits_and_what_stands_between_them(number: str) -> None:
    assert taken(RegisterCustomer, "phone", number) == number


@pytest.mark.parametrize("text", ["", "+", "ask Ada", "030+12", "12\n34", "\u0661\u0662", "1" * 41])
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    refused(RegisterCustomer, "phone", text)


# --------------------------------------------------------------------------------------------------------- addresses


@each_example
def test_every_command_speaks_to_an_aggregate_that_decides_it(command: Command) -> None:
    where = address(command, CATALOGUE)
    assert DECIDERS[where.decider.category] is where.decider
    with suppress(Rejected):  # nothing has happened yet; what counts is that it isn't a TypeError
        where.decider.decide(command, where.decider.initial, CONTEXT)


def test_what_is_no_command_of_the_store_has_no_address() -> None:
    with pytest.raises(TypeError):
        address(Command(), CATALOGUE)


@pytest.mark.parametrize("decider", DECIDERS.values(), ids=DECIDERS)
def test_what_is_not_for_an_aggregate_is_not_decided_by_it(decider: Decider[Any]) -> None:
    state = fold(decider, *([CustomerRegistered()] if decider is CUSTOMER else []))
    for command in EXAMPLES:
        if address(command, CATALOGUE).decider is not decider:
            with pytest.raises(TypeError):
                decider.decide(command, state, CONTEXT)


@each_example
def test_a_command_is_addressed_to_the_customer_that_it_names(command: Command) -> None:
    named = getattr(command, "ref" if isinstance(command, RegisterCustomer) else "customer", None)
    assert address(command, CATALOGUE).customer == named


@each_example
def test_the_stream_of_what_has_an_id_goes_by_it(command: Command) -> None:
    names = ("order_id", "interaction_id", "survey_id", "task_id", "ticket_id", "opportunity_id", "about", "model")
    names = (*names, "offer_id", "campaign_id")
    # What is accepted or signed names what it leads to, or came from, as well.
    own = {"quote": ("quote_id",), "contract": ("contract_id",), "opportunity": ("opportunity_id",)}
    own |= {"coupon": ("coupon_id",)}  # and issued it is one of many of a customer
    found = address(command, CATALOGUE)
    first = own.get(found.decider.category, ())
    ids = [getattr(command, name) for name in (*first, *names) if hasattr(command, name)]
    assert found.key == (ids[0] if ids else None)


def test_an_order_is_found_by_its_id_alone() -> None:
    bought = address(RecordPurchase(customer="shop:1", order_id="A-1", amount=Decimal(1)), CATALOGUE)
    returned = address(RecordReturn(order_id="A-1"), CATALOGUE)
    assert (bought.decider, bought.key) == (returned.decider, returned.key)
    assert (bought.customer, returned.customer) == ("shop:1", None)


def test_a_ticket_is_found_by_its_id_alone() -> None:
    opened, settled = (
        address(OpenTicket(customer="shop:1", ticket_id="T-1"), CATALOGUE),
        address(ResolveTicket(ticket_id="T-1"), CATALOGUE),
    )
    assert (opened.decider, opened.key) == (settled.decider, settled.key)
    assert (opened.customer, settled.customer) == ("shop:1", None)


def test_a_membership_the_reminders_and_the_coupon_codes_are_those_of_their_customer() -> None:
    for command in EXAMPLES:
        assert address(command, CATALOGUE).own == isinstance(command, MembershipCommand | SettleReminder | IssueCoupon)


@pytest.mark.parametrize(
    ("last_at", "expected"),
    [(None, 1_000), (999, 1_000), (1_000, 1_000), (1_001, 1_001), (300_001_000, 300_001_000), (300_001_001, 1_000)],
)
def test_now_is_as_late_as_what_a_clock_a_little_ahead_has_told(last_at: int | None, expected: int) -> None:
    assert now_after(last_at, now=1_000) == expected  # 300 seconds are the tolerance


@pytest.mark.parametrize(
    ("last_at", "expected"),
    [(None, 1_000), (999, 1_000), (1_000, 1_001), (1_001, 1_002), (300_001_000, 300_001_001), (300_001_001, 1_000)],
)
def test_what_names_no_time_comes_after_what_happened_a_little_ahead(last_at: int | None, expected: int) -> None:
    assert strictly_after(last_at, now=1_000) == expected  # 300 seconds are the tolerance
