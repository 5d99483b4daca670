"""What each role may do: one table of commands, questions and acts, each with the role it takes at least.

An owner may do everything, a clerk what is daily work, a reader ask about customers and the business. What forgets,
what takes data out of the store, what changes the rules and what concerns others' access is the owner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from regulars.upkeep.tokens import ROLES, Role

_READER = """
    attrition birthdays business_timeline calendar campaigns.campaign campaigns.effect campaigns.effects
    campaigns.explain campaigns.history campaigns.preview campaigns.who cohorts compare_assessments consents
    contract contracts coupon coupons customer customers customers_by_text dismissed_duplicates due duplicates
    expiring explain explain_due find firm firms_of flow forecast forecasts leads liability may_ask most_bought
    movers near_duplicates opportunities opportunity page people pipeline pipeline_calibration pipeline_forecast
    pipeline_stages pipeline_waterfall points quote quotes reminders report revenue rewards_forecast rfm
    rules.history rules.in_force rules.version satisfaction satisfaction_of search segment segments service
    stale_opportunities status task task_days tasks ticket tickets timeline today totals trend value values
"""

_CLERK = """
    AcceptQuote AddNote AddTask AdjustPoints AmendContract AssignOwner AssignTicket AwaitCustomer CancelMembership
    CancelRedemption ChangeCampaign ChangeContactDetails ChangeKind ChangeOpportunity ChangePriority ClassifyTicket
    CloseAccount CloseTicket CompleteTask CorrectPurchase DeclineQuote DismissDuplicate DisqualifyLead DropTask
    EndCampaign EndContract EndEmployment EnrollMember EscalateTicket GiveConsent GrantTierOverride IssueCoupon
    LiftTierOverride LoseOpportunity MakeReferral MergeCustomers MoveOpportunity OpenOpportunity OpenTicket
    PauseCampaign PlanCampaign PutOnHold QualifyLead RateTicket ReassignPurchase ReassignTask RecordAssessment
    RecordChurnReason RecordEmployment RecordInteraction RecordOfferBounced RecordOfferClicked RecordOfferNotSent
    RecordOfferOpened RecordOfferSending RecordOfferSent RecordPreference RecordPurchase RecordReturn RecordSurveyAnswer
    RecordSurveyBounced RecordSurveySent RecordUnsubscribed RedeemPoints RegisterCustomer RenewContract
    ReopenAccount ReopenOpportunity ReopenTask ReopenTicket ReplyAsAgent ReplyAsCustomer RequestCancellation
    ResolveTicket RestorePurchase ResumeCampaign ResumeMembership ResumeTicket ReviseQuote SendQuote SettleReminder
    SignContract SnoozeTask SuspendMembership TagCustomer UndoDismissal UndoMerge UntagCustomer VoidEmployment
    VoidPurchase WinOpportunity WithdrawCancellation WithdrawConsent assess audit campaigns.to_send changes
    contactable coupon_codes history import_file recognise version_of
"""

_OWNER = """
    AssignOffer CreateCoupon EndCoupon ErasePersonalData HoldOut LaunchCampaign RecordFittedModel SkipOffer archive
    backup campaigns.launch check_records check_seals events export_events export_person export_reports forget
    forget_again forgotten import_mail keys.rotate last_seal models.fit models.history projections.generations
    projections.rebuild projections.verify rejects rules.diff rules.estimate rules.publish rules.rollback seal
    subscriptions tokens.new tokens.revoke
"""

#: The role that a command, a question or an act takes at least.
TAKES: Mapping[str, Role] = MappingProxyType(
    {what: role for role, names in zip(ROLES, (_READER, _CLERK, _OWNER), strict=True) for what in names.split()}
)


def takes(what: str) -> Role:
    """The role that a command, a question or an act takes at least; what an extension brings is the owner's."""
    return TAKES.get(what, "owner")


def allows(role: Role, what: str) -> bool:
    """Whether a role may give a command, ask a question, or do an act, by its name."""
    return ROLES.index(role) >= ROLES.index(takes(what))
