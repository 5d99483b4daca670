"""The customer: each invariant of the module, and each command, as a sentence."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from given import NOW, fold, given
from regulars.crm_domain.command import Context, CustomerId
from regulars.crm_domain.customer import (
    AGGREGATE,
    ALLOWED,
    CUSTOMER,
    AccountClosed,
    AccountReopened,
    AccountStatus,
    AssignOwner,
    CancellationRequested,
    CancellationWithdrawn,
    ChangeContactDetails,
    ChurnReasonRecorded,
    CloseAccount,
    ConsentGiven,
    ConsentWithdrawn,
    ContactDetailsChanged,
    Customer,
    CustomerCommand,
    CustomerEvent,
    CustomerMerged,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    ErasePersonalData,
    GiveConsent,
    LeadQualified,
    MakeReferral,
    MergeCustomers,
    MergeUndone,
    OwnerAssigned,
    PersonalDataErased,
    PreferenceRecorded,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    ReferralMade,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UndoMerge,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.merge import Family, require_mergeable

ADA = "shop:1"
ADA_ID, BOB_ID = CustomerId("a" * 32), CustomerId("b" * 32)

REGISTRATION: dict[str, Any] = {
    "ref": ADA,
    "name": "Ada",
    "email": "ada@example.com",
    "phone": "+49 30 123456",
    "birthday": "1990-12-10",
    "source": "fair",
    "locale": "de-DE",
}
registered = CustomerRegistered(**REGISTRATION)
erased = PersonalDataErased()

COMMANDS_TO_ADA = tuple(each for each in AGGREGATE.examples().commands if isinstance(each, CustomerCommand))

named = pytest.mark.parametrize("command", COMMANDS_TO_ADA, ids=lambda command: type(command).__name__)


# --------------------------------------------------------------------------------------------------- 1. registration


def test_a_customer_is_registered() -> None:
    given().when(RegisterCustomer(**REGISTRATION)).then(registered)


def test_a_customer_of_whom_nothing_is_known_can_be_registered() -> None:
    given().when(RegisterCustomer()).then(CustomerRegistered())


def test_registering_again_with_the_same_content_changes_nothing() -> None:
    given(registered).when(RegisterCustomer(**REGISTRATION)).then_nothing()


def test_registering_again_changes_nothing_whatever_happened_since() -> None:
    since = (ContactDetailsChanged(changed=("name",), name="Ada King"), CustomerTagged(label="vip"), AccountClosed())
    given(registered, *since).when(RegisterCustomer(**REGISTRATION)).then_nothing()


@pytest.mark.parametrize("field", [field for field in REGISTRATION if field != "ref"])
def test_registering_again_with_other_content_is_refused(field: str) -> None:
    given(registered).when(RegisterCustomer(**REGISTRATION | {field: None})).then_rejected("ref_taken")


def test_who_was_forgotten_is_not_registered_again_under_the_old_name() -> None:
    given(registered, erased).when(RegisterCustomer(**REGISTRATION)).then_rejected("ref_taken")


# ----------------------------------------------------------------------------------------------- 2. registered first


@named
def test_only_a_registered_customer_can_be_spoken_of(command: CustomerCommand) -> None:
    given().when(command).then_rejected("unknown_customer")


# --------------------------------------------------------------------------------------------------- 3. status table

IN: dict[AccountStatus, tuple[CustomerEvent, ...]] = {
    AccountStatus.OPEN: (registered,),
    AccountStatus.CLOSED: (registered, AccountClosed()),
    AccountStatus.ERASED: (registered, erased),
}
INTO: dict[AccountStatus, tuple[CustomerCommand, CustomerEvent]] = {
    AccountStatus.OPEN: (ReopenAccount(customer=ADA), AccountReopened()),
    AccountStatus.CLOSED: (CloseAccount(customer=ADA), AccountClosed()),
    AccountStatus.ERASED: (ErasePersonalData(customer=ADA, confirm=True), erased),
}
MOVES = [(here, there) for here, there in product(IN, INTO) if here is not there]


def test_open_and_closed_alternate_and_erased_is_final() -> None:
    table = {
        "unknown": {"open"},
        "open": {"closed", "erased"},
        "closed": {"open", "erased"},
        "erased": set(),
    }
    assert table == ALLOWED


@pytest.mark.parametrize("status", list(AccountStatus))
def test_the_table_speaks_of_every_status(status: AccountStatus) -> None:
    assert status in ALLOWED


@pytest.mark.parametrize(("here", "there"), [(here, there) for here, there in MOVES if there in ALLOWED[here]])
def test_an_account_moves_where_the_table_allows_it(here: AccountStatus, there: AccountStatus) -> None:
    command, event = INTO[there]
    given(*IN[here]).when(command).then(event)
    assert fold(CUSTOMER, *IN[here], event).status is there


@pytest.mark.parametrize(("here", "there"), [(here, there) for here, there in MOVES if there not in ALLOWED[here]])
def test_an_account_moves_nowhere_else(here: AccountStatus, there: AccountStatus) -> None:
    command, _ = INTO[there]
    given(*IN[here]).when(command).then_rejected(f"account_{here}")


@pytest.mark.parametrize("status", list(IN))
def test_to_become_what_it_is_changes_nothing(status: AccountStatus) -> None:
    command, _ = INTO[status]
    given(*IN[status]).when(command).then_nothing()


def test_an_account_can_be_closed_again_after_it_was_reopened() -> None:
    given(registered, AccountClosed(), AccountReopened()).when(CloseAccount(customer=ADA)).then(AccountClosed())


@pytest.mark.parametrize("confirm", [{}, {"confirm": False}, {"confirm": None}])
def test_forgetting_must_be_confirmed(confirm: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ErasePersonalData.model_validate({"customer": ADA, **confirm})


# ------------------------------------------------------------------------------------------------- 4. personal data


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (
            ChangeContactDetails(customer=ADA, name="Ada King"),
            ContactDetailsChanged(changed=("name",), name="Ada King"),
        ),
        (RecordPreference(customer=ADA, key="tea", value="oolong"), PreferenceRecorded(key="tea", value="oolong")),
        (
            RecordChurnReason(customer=ADA, cause="price", detail="Too dear"),
            ChurnReasonRecorded(cause="price", detail="Too dear"),
        ),
        (
            GiveConsent(customer=ADA, channel="email", purpose="news"),
            ConsentGiven(channel="email", purpose="news"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_personal_data_is_taken_only_while_the_customer_is_remembered(
    command: CustomerCommand, event: CustomerEvent
) -> None:
    given(registered).when(command).then(event)
    given(registered, AccountClosed()).when(command).then(event)
    given(registered, erased).when(command).then_rejected("account_erased")


@pytest.mark.parametrize(
    "command",
    [
        QualifyLead(customer=ADA, reason="Ada rang"),
        TagCustomer(customer=ADA, label="vip", reason="Ada rang"),
        AssignOwner(customer=ADA, owner="li", reason="Ada rang"),
        RecordChurnReason(customer=ADA, cause="price", reason="Ada rang"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_reason_is_personal_and_not_taken_for_who_was_forgotten(command: CustomerCommand) -> None:
    given(registered, erased).when(command).then_rejected("account_erased")


def test_who_was_forgotten_is_forgotten_already_whatever_the_cause() -> None:
    command = ErasePersonalData(customer=ADA, confirm=True, cause="on request")
    given(registered).when(command).then(PersonalDataErased(cause="on request"))
    given(registered, erased).when(command).then_nothing()


@pytest.mark.parametrize("cause", ["on request", "Adapted rules", "see shop:11", "Art. 17 GDPR", None])
def test_what_only_looks_like_a_name_is_none(cause: str | None) -> None:
    known = CustomerRegistered(ref="shop:1", name="Ada")
    forget = ErasePersonalData(customer=ADA, confirm=True, cause=cause)
    given(known).when(forget).then(PersonalDataErased(cause=cause))


def test_a_reason_for_forgetting_would_be_forgotten_itself() -> None:
    with pytest.raises(ValidationError, match="give a cause"):
        ErasePersonalData(customer=ADA, confirm=True, reason="Ada asked us to")


def test_a_cancellation_is_withdrawn_on_an_open_account_only() -> None:
    history = (registered, CancellationRequested(), AccountClosed())
    given(*history).when(WithdrawCancellation(customer=ADA)).then_rejected("account_closed")


def test_nothing_personal_is_left_in_the_state_of_who_was_forgotten() -> None:
    everything = (
        registered,
        ContactDetailsChanged(changed=("email",), email="king@example.com"),
        PreferenceRecorded(key="tea", value="oolong"),
        ChurnReasonRecorded(cause="price", detail="Too dear"),
    )
    before, after = repr(fold(CUSTOMER, *everything)), repr(fold(CUSTOMER, *everything, erased))
    for secret in ("shop:1", "Ada", "king@example.com", "123456", "1990", "oolong", "Too dear"):
        assert secret in before
        assert secret not in after


@pytest.mark.parametrize(
    ("event", "command"),
    [
        (LeadQualified(), QualifyLead(customer=ADA)),
        (OwnerAssigned(owner="li"), AssignOwner(customer=ADA, owner="li")),
        (CustomerTagged(label="vip"), TagCustomer(customer=ADA, label="vip")),
        (ReferralMade(referred_id=str(BOB_ID)), MakeReferral(customer=ADA_ID, referred=BOB_ID)),
        (ChurnReasonRecorded(cause="price"), RecordChurnReason(customer=ADA, cause="price")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_personal_is_still_known_of_who_was_forgotten(
    event: CustomerEvent, command: CustomerCommand
) -> None:
    given(registered, event, erased).when(command).then_nothing()


# --------------------------------------------------------------------------------------------------- contact details


def test_contact_details_change() -> None:
    command = ChangeContactDetails(customer=ADA, name="Ada King", birthday=date(1990, 12, 11))
    event = ContactDetailsChanged(changed=("name", "birthday"), name="Ada King", birthday="1990-12-11")
    given(registered).when(command).then(event)


def test_a_detail_that_is_null_is_cleared() -> None:
    given(registered).when(ChangeContactDetails(customer=ADA, email=None)).then(
        ContactDetailsChanged(changed=("email",))
    )


def test_a_detail_that_was_cleared_is_cleared_already() -> None:
    history = (registered, ContactDetailsChanged(changed=("email",)))
    given(*history).when(ChangeContactDetails(customer=ADA, email=None)).then_nothing()


def test_only_what_differs_from_what_is_known_is_a_change() -> None:
    given(registered).when(ChangeContactDetails(customer=ADA, name="Ada", locale="fr-FR")).then(
        ContactDetailsChanged(changed=("locale",), locale="fr-FR")
    )
    given(registered).when(ChangeContactDetails(customer=ADA, name="Ada")).then_nothing()


def test_what_is_known_is_what_was_said_last() -> None:
    history = (registered, ContactDetailsChanged(changed=("name",), name="Ada King"))
    given(*history).when(ChangeContactDetails(customer=ADA, name="Ada King")).then_nothing()
    given(*history).when(ChangeContactDetails(customer=ADA, name="Ada")).then(
        ContactDetailsChanged(changed=("name",), name="Ada")
    )


def test_to_change_no_detail_at_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected at least one of name, email, phone, birthday, locale"):
        ChangeContactDetails(customer=ADA)


def test_a_detail_that_was_left_out_is_still_left_out_after_json() -> None:
    command = ChangeContactDetails(customer=ADA_ID, name="Ada King")
    again = ChangeContactDetails.model_validate_json(command.model_dump_json())
    given(registered).when(again).then(ContactDetailsChanged(changed=("name",), name="Ada King"))


def test_clearing_a_detail_and_leaving_it_out_are_written_differently() -> None:
    cleared = ChangeContactDetails(customer=ADA_ID, name="Ada King", email=None)
    left_out = ChangeContactDetails(customer=ADA_ID, name="Ada King")
    assert cleared.model_dump_json() != left_out.model_dump_json()


# ------------------------------------------------------------------------ leads, preferences, tags, owners, reasons


def test_a_lead_is_qualified_once() -> None:
    given(registered).when(QualifyLead(customer=ADA)).then(LeadQualified())
    given(registered, LeadQualified()).when(QualifyLead(customer=ADA)).then_nothing()


def test_a_preference_is_set_changed_and_cleared() -> None:
    oolong = PreferenceRecorded(key="tea", value="oolong")
    given(registered).when(RecordPreference(customer=ADA, key="tea", value="oolong")).then(oolong)
    given(registered, oolong).when(RecordPreference(customer=ADA, key="tea", value="oolong")).then_nothing()
    given(registered, oolong).when(RecordPreference(customer=ADA, key="tea", value="sencha")).then(
        PreferenceRecorded(key="tea", value="sencha")
    )
    given(registered, oolong).when(RecordPreference(customer=ADA, key="tea")).then(PreferenceRecorded(key="tea"))


def test_a_preference_that_is_not_there_is_cleared_already() -> None:
    given(registered).when(RecordPreference(customer=ADA, key="tea")).then_nothing()


def test_one_preference_leaves_the_others_alone() -> None:
    history = (PreferenceRecorded(key="tea", value="oolong"), PreferenceRecorded(key="cup", value="blue"))
    given(registered, *history).when(RecordPreference(customer=ADA, key="tea", value="oolong")).then_nothing()


def test_a_tag_is_there_or_it_is_not() -> None:
    tagged = CustomerTagged(label="vip")
    given(registered).when(TagCustomer(customer=ADA, label="vip")).then(tagged)
    given(registered, tagged).when(TagCustomer(customer=ADA, label="vip")).then_nothing()
    given(registered, tagged).when(TagCustomer(customer=ADA, label="slow payer")).then(
        CustomerTagged(label="slow payer")
    )
    given(registered, tagged).when(UntagCustomer(customer=ADA, label="vip")).then(CustomerUntagged(label="vip"))
    given(registered).when(UntagCustomer(customer=ADA, label="vip")).then_nothing()
    given(registered, tagged, CustomerUntagged(label="vip")).when(TagCustomer(customer=ADA, label="vip")).then(tagged)


def test_there_is_one_owner_at_a_time() -> None:
    given(registered).when(AssignOwner(customer=ADA, owner="li")).then(OwnerAssigned(owner="li"))
    given(registered, OwnerAssigned(owner="li")).when(AssignOwner(customer=ADA, owner="li")).then_nothing()
    given(registered, OwnerAssigned(owner="li")).when(AssignOwner(customer=ADA, owner="jo")).then(
        OwnerAssigned(owner="jo")
    )


def test_a_customer_may_change_their_mind_about_why() -> None:
    why = ChurnReasonRecorded(cause="price", detail="Too dear")
    given(registered).when(RecordChurnReason(customer=ADA, cause="price", detail="Too dear")).then(why)
    given(registered, why).when(RecordChurnReason(customer=ADA, cause="price", detail="Too dear")).then_nothing()
    given(registered, why).when(RecordChurnReason(customer=ADA, cause="price")).then(ChurnReasonRecorded(cause="price"))


def test_a_churn_reason_in_one_word_is_taken_even_of_who_was_forgotten() -> None:
    given(registered, erased).when(RecordChurnReason(customer=ADA, cause="moved")).then(
        ChurnReasonRecorded(cause="moved")
    )


# ------------------------------------------------------------------------------------------------------- 5. consent


def test_a_consent_is_for_one_channel_and_one_purpose() -> None:
    news_by_mail = ConsentGiven(channel="email", purpose="news")
    given(registered).when(GiveConsent(customer=ADA, channel="email", purpose="news")).then(news_by_mail)
    given(registered, news_by_mail).when(GiveConsent(customer=ADA, channel="sms", purpose="news")).then(
        ConsentGiven(channel="sms", purpose="news")
    )
    given(registered, news_by_mail).when(GiveConsent(customer=ADA, channel="email", purpose="surveys")).then(
        ConsentGiven(channel="email", purpose="surveys")
    )


def test_a_consent_is_withdrawn_for_that_channel_and_purpose_alone() -> None:
    history = (registered, *(ConsentGiven(channel="email", purpose=purpose) for purpose in ("news", "surveys")))
    withdrawn = ConsentWithdrawn(channel="email", purpose="news")
    given(*history).when(WithdrawConsent(customer=ADA, channel="email", purpose="news")).then(withdrawn)
    assert fold(CUSTOMER, *history, withdrawn).consents.keys() == {("email", "surveys")}


def test_every_word_on_a_consent_is_written_down_whatever_was_said_before() -> None:
    yes, no = ConsentGiven(channel="email", purpose="news"), ConsentWithdrawn(channel="email", purpose="news")
    for before in ((), (yes,), (no,), (yes, no), (no, yes)):
        given(registered, *before).when(GiveConsent(customer=ADA, channel="email", purpose="news")).then(yes)
        given(registered, *before).when(WithdrawConsent(customer=ADA, channel="email", purpose="news")).then(no)


def test_who_was_forgotten_can_still_withdraw() -> None:
    history = (registered, ConsentGiven(channel="email", purpose="news"), erased)
    given(*history).when(WithdrawConsent(customer=ADA, channel="email", purpose="news")).then(
        ConsentWithdrawn(channel="email", purpose="news")
    )


# -------------------------------------------------------------------------------------------------- 6. cancellation


def test_a_cancellation_can_be_requested_on_an_open_account() -> None:
    given(registered).when(RequestCancellation(customer=ADA)).then(CancellationRequested())


@pytest.mark.parametrize("status", [AccountStatus.CLOSED, AccountStatus.ERASED])
def test_a_cancellation_can_be_requested_on_no_other_account(status: AccountStatus) -> None:
    given(*IN[status]).when(RequestCancellation(customer=ADA)).then_rejected(f"account_{status}")


def test_requesting_a_cancellation_twice_changes_nothing() -> None:
    given(registered, CancellationRequested()).when(RequestCancellation(customer=ADA)).then_nothing()


def test_a_cancellation_can_be_withdrawn_while_it_is_requested() -> None:
    requested, withdrawn = CancellationRequested(), CancellationWithdrawn()
    given(registered, requested).when(WithdrawCancellation(customer=ADA)).then(withdrawn)
    given(registered).when(WithdrawCancellation(customer=ADA)).then_nothing()
    given(registered, requested, withdrawn).when(WithdrawCancellation(customer=ADA)).then_nothing()
    given(registered, requested, withdrawn).when(RequestCancellation(customer=ADA)).then(requested)


def test_reopening_an_account_settles_what_was_requested_before() -> None:
    history = (registered, CancellationRequested(), AccountClosed(), AccountReopened())
    given(*history).when(WithdrawCancellation(customer=ADA)).then_nothing()
    given(*history).when(RequestCancellation(customer=ADA)).then(CancellationRequested())


# ------------------------------------------------------------------------------------------------------ 7. referrals


def test_a_referral_names_who_was_brought() -> None:
    given(registered).when(MakeReferral(customer=ADA_ID, referred=BOB_ID)).then(ReferralMade(referred_id="b" * 32))


def test_nobody_refers_themselves() -> None:
    given(registered).when(MakeReferral(customer=ADA_ID, referred=ADA_ID)).then_rejected("self_referral")
    given(registered).when(MakeReferral(customer=ADA, referred=ADA)).then_rejected("self_referral")


def test_a_referral_counts_once() -> None:
    made = ReferralMade(referred_id=str(BOB_ID))
    given(registered, made).when(MakeReferral(customer=ADA_ID, referred=BOB_ID)).then_nothing()
    given(registered, made).when(MakeReferral(customer=ADA_ID, referred=CustomerId("c" * 32))).then(
        ReferralMade(referred_id="c" * 32)
    )


# --------------------------------------------------------------------------------------------------------- 8. merges

CY_ID = CustomerId("c" * 32)
merged = CustomerMerged(into_id=str(BOB_ID))
told_apart = MergeUndone(into_id=str(BOB_ID))


def test_a_customer_is_merged_into_another_whose_history_is_theirs_too_from_then_on() -> None:
    given(registered).when(MergeCustomers(customer=ADA_ID, into=BOB_ID)).then(merged)


def test_merging_into_the_same_customer_twice_changes_nothing() -> None:
    given(registered, merged).when(MergeCustomers(customer=ADA_ID, into=BOB_ID)).then_nothing()


def test_a_customer_is_merged_into_one_other_at_a_time() -> None:
    given(registered, merged).when(MergeCustomers(customer=ADA_ID, into=CY_ID)).then_rejected("already_merged")
    given(registered, merged, told_apart).when(MergeCustomers(customer=ADA_ID, into=CY_ID)).then(
        CustomerMerged(into_id=str(CY_ID))
    )


def test_undoing_a_merge_names_who_is_another_after_all() -> None:
    given(registered, merged).when(UndoMerge(customer=ADA)).then(told_apart)


def test_undoing_what_was_never_done_or_is_undone_changes_nothing() -> None:
    given(registered).when(UndoMerge(customer=ADA)).then_nothing()
    given(registered, merged, told_apart).when(UndoMerge(customer=ADA)).then_nothing()


def test_who_was_forgotten_is_not_merged_and_can_still_be_told_apart() -> None:
    given(registered, erased).when(MergeCustomers(customer=ADA_ID, into=BOB_ID)).then_rejected("account_erased")
    given(registered, merged, erased).when(UndoMerge(customer=ADA)).then(told_apart)


def test_who_was_merged_away_is_forgotten_with_the_survivor_and_not_alone() -> None:
    forget = ErasePersonalData(customer=ADA, confirm=True)
    given(registered, merged).when(forget).then_rejected("merged_away")
    given(registered, merged, told_apart).when(forget).then(PersonalDataErased())


def family(root_id: str, *, is_member: bool = False, is_erased: bool = False) -> Family:
    return Family(root_id=root_id, is_member=is_member, is_erased=is_erased)


FAMILIES = [
    family(root_id, is_member=is_member, is_erased=is_erased)
    for root_id, is_member, is_erased in product("ab", (True, False), (True, False))
]


@pytest.mark.parametrize(("away", "survivor"), list(product(FAMILIES, FAMILIES)))
def test_two_families_become_one_unless_they_are_or_one_is_forgotten_or_both_are_members(
    away: Family, survivor: Family
) -> None:
    problems = {
        "merge_cycle": away.root_id == survivor.root_id,
        "account_erased": away.is_erased or survivor.is_erased,
        "two_memberships": away.is_member and survivor.is_member,
    }
    expected = next((code for code, holds in problems.items() if holds), None)
    if expected is None:
        require_mergeable(away, survivor)
        return
    with pytest.raises(Rejected) as refused:
        require_mergeable(away, survivor)
    assert refused.value.code == expected


# ------------------------------------------------------------------------------------------- for every command alike

histories = st.lists(st.sampled_from(COMMANDS_TO_ADA), max_size=12)


@hypothesis.given(histories, st.sampled_from(COMMANDS_TO_ADA))
def test_a_command_that_comes_twice_in_a_row_changes_nothing_the_second_time(
    before: list[CustomerCommand], command: CustomerCommand
) -> None:
    state = after(fold(CUSTOMER, registered), *before)
    assert after(state, command, command) == after(state, command)
    is_a_word = isinstance(command, GiveConsent | WithdrawConsent)  # which is written down whenever it is said
    assert is_a_word or events_of(command, after(state, command)) == ()


@hypothesis.given(histories)
def test_an_account_never_moves_but_as_the_table_says(commands: list[CustomerCommand]) -> None:
    here = fold(CUSTOMER, registered)
    for command in commands:
        there = after(here, command)
        assert there.status is here.status or there.status in ALLOWED[here.status]
        here = there


def events_of(command: CustomerCommand, state: Customer) -> tuple[Event, ...]:
    """What a command makes happen: nothing where it is refused."""
    try:
        return CUSTOMER.decide(command, state, Context(now=NOW, currency="EUR"))
    except Rejected:
        return ()


def after(state: Customer, *commands: CustomerCommand) -> Customer:
    """The state after these commands."""
    for command in commands:
        for event in events_of(command, state):
            state = CUSTOMER.evolve(state, event)
    return state
