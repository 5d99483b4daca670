"""Regulars: an embeddable, event-sourced CRM core.

    import regulars
    from regulars import RecordPurchase, RegisterCustomer

    with regulars.open("shop.db", currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada"))
        crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="59.90"))
        print(crm.customer("shop:42").explain())

This package is the whole of what a program that embeds the library needs to import; the parts of an export of a person
are in `regulars.person`, those of a customer's page in `regulars.profile`, those of the change feed in
`regulars.changes`, those of webhooks in `regulars.hooks`, those of measures over time and of a report
in `regulars.measures` and `regulars.report`, those of what is to be done in `regulars.today`, those of rules and of an
import's mapping in `regulars.grammar`, those of an extension in `regulars.extending`. `open` and `copy` are left out of
`from regulars import *`, where they would hide Python's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.adapters.archive.writing import Archived
    from regulars.adapters.checking.result import Compared, Fault, NotCovered, RecordCheck
    from regulars.adapters.eventsourcing_library.log_recorder import LogApplication, LogMapper, LogRecorder
    from regulars.adapters.extensions.extended import MissingExtension
    from regulars.adapters.extensions.extension import Extension
    from regulars.adapters.importing import Mapping as ImportMapping
    from regulars.adapters.log.misplaced import NeverDrawn, RecordedAhead
    from regulars.adapters.moving.copying import copy as copy
    from regulars.adapters.moving.restoring import read_list as read_erased
    from regulars.adapters.read_models.feedback_counts import FeedbackCounts
    from regulars.adapters.read_models.histories import Poison
    from regulars.adapters.read_models.verifying import Difference, Fingerprint, Verification
    from regulars.adapters.sealing.checking import EventDamage, NotedSeal, SealCheck, SealDamage
    from regulars.adapters.sealing.sealing import Sealing
    from regulars.adapters.store.horizon import OpenTransaction
    from regulars.adapters.store.rules_text import as_toml
    from regulars.adapters.vault.erasing import OwnerNeeded
    from regulars.adapters.vault.quarantine import Reject
    from regulars.asking.assessments import AssessmentChange, AssessmentDifference
    from regulars.asking.audit import AuditEntry, AuditPage, Change
    from regulars.asking.birthdays import BirthdayOf, BirthdaysFound
    from regulars.asking.campaign_preview import AudienceMember, CampaignPreview, GateView, PeopleNeeded, WhyOffered
    from regulars.asking.campaigns import CampaignLaunch, CampaignView, OfferCount, OfferPage, OfferView, WholeCampaign
    from regulars.asking.consents import Consent, Consents, ConsentWord, Contactable, ContactablePage
    from regulars.asking.contracts import ContractPage, ContractView
    from regulars.asking.coupons import CouponUse, CouponView, IssuedCode, WholeCoupon
    from regulars.asking.customers import Order
    from regulars.asking.desk import Points, PointsLot, TicketPage, TicketView
    from regulars.asking.dicts import to_dict
    from regulars.asking.dismissals import Dismissed
    from regulars.asking.due import DueExplanation, DueItem, DuePage, MostBought
    from regulars.asking.duplicates import Duplicates, DuplicatesPage
    from regulars.asking.employments import Employment, Party
    from regulars.asking.firms import Employee, Firm
    from regulars.asking.forecasts import Expected, FittedModel, Forecast, ForecastPage
    from regulars.asking.leads import LeadGroup, LeadReport
    from regulars.asking.one_answered import CustomerSatisfaction, MayAsk, SurveyView
    from regulars.asking.one_contract import WholeContract
    from regulars.asking.one_opportunity import WholeOpportunity
    from regulars.asking.one_ticket import ClockTime, TicketMessage, WholeTicket
    from regulars.asking.one_version import CustomerVersion
    from regulars.asking.quotes import QuoteLineView, QuotePage, QuoteRevision, QuoteTax, QuoteView, WholeQuote
    from regulars.asking.reminders import Reminder, Reminders
    from regulars.asking.reports import Reported
    from regulars.asking.satisfaction import Satisfaction, SatisfactionReport
    from regulars.asking.search import FoundText, SearchPage
    from regulars.asking.segments import Attrition, AttritionStep, SegmentCount, SegmentMember, SegmentPage
    from regulars.asking.service import Attainment, ServiceBy, ServiceLine, ServiceReport
    from regulars.asking.snapshot import Snapshot
    from regulars.asking.suspects import Suspect
    from regulars.asking.tasks import TaskDay, TaskPage, TaskView, WholeTask
    from regulars.asking.value import BandTotal, Valued, ValuePage
    from regulars.asking.views import (
        BuildView,
        Clause,
        Counted,
        Customer,
        EventLine,
        Explanation,
        Lane,
        Page,
        SegmentView,
        Span,
        Status,
        Timeline,
        VerdictView,
    )
    from regulars.calendars.entries import CalendarEntries, CalendarEntry
    from regulars.calendars.ics import calendar_ics
    from regulars.crm import Regulars
    from regulars.crm_domain.assessment import AssessmentRecorded, RecordAssessment
    from regulars.crm_domain.campaign import (
        CampaignChanged,
        CampaignEnded,
        CampaignLaunched,
        CampaignPaused,
        CampaignPlan,
        CampaignPlanned,
        CampaignResumed,
        ChangeCampaign,
        EndCampaign,
        LaunchCampaign,
        PauseCampaign,
        PlanCampaign,
        ResumeCampaign,
    )
    from regulars.crm_domain.command import Command, CustomerId
    from regulars.crm_domain.contract import (
        AmendContract,
        ContractAmended,
        ContractEnded,
        ContractRenewed,
        ContractSigned,
        EndContract,
        RenewContract,
        SignContract,
    )
    from regulars.crm_domain.coupon import (
        CouponCreated,
        CouponEnded,
        CouponRedeemed,
        CouponReleased,
        CreateCoupon,
        EndCoupon,
    )
    from regulars.crm_domain.customer import (
        AccountClosed,
        AccountReopened,
        AssignOwner,
        CancellationRequested,
        CancellationWithdrawn,
        ChangeContactDetails,
        ChangeKind,
        ChurnReasonRecorded,
        CloseAccount,
        ConsentGiven,
        ConsentWithdrawn,
        ContactDetailsChanged,
        CustomerMerged,
        CustomerRegistered,
        CustomerTagged,
        CustomerUntagged,
        DismissalUndone,
        DismissDuplicate,
        DisqualifyLead,
        DuplicateDismissed,
        EmploymentEnded,
        EmploymentRecorded,
        EmploymentVoided,
        EndEmployment,
        ErasePersonalData,
        GiveConsent,
        KindChanged,
        LeadDisqualified,
        LeadQualified,
        MakeReferral,
        MergeCustomers,
        MergeUndone,
        OwnerAssigned,
        PersonalDataErased,
        PreferenceRecorded,
        QualifyLead,
        RecordChurnReason,
        RecordEmployment,
        RecordPreference,
        ReferralMade,
        RegisterCustomer,
        ReopenAccount,
        RequestCancellation,
        TagCustomer,
        UndoDismissal,
        UndoMerge,
        UntagCustomer,
        VoidEmployment,
        WithdrawCancellation,
        WithdrawConsent,
    )
    from regulars.crm_domain.errors import (
        Conflict,
        InvalidMapping,
        InvalidRules,
        MailServerUnusable,
        NotFound,
        ParkedCustomer,
        RegularsError,
        Rejected,
        StaleProjections,
        StoreBusy,
        StoreUnusable,
    )
    from regulars.crm_domain.event import Event, Recorded
    from regulars.crm_domain.interaction import (
        AddNote,
        InteractionRecorded,
        NoteAdded,
        RecordInteraction,
        RecordSurveyAnswer,
        SurveyAnswered,
    )
    from regulars.crm_domain.issued_coupon import CouponIssued, IssueCoupon
    from regulars.crm_domain.membership import (
        AdjustPoints,
        BonusEarned,
        BonusReversed,
        CancelMembership,
        CancelRedemption,
        EnrollMember,
        GrantTierOverride,
        LiftTierOverride,
        MembershipCancelled,
        MembershipEnrolled,
        MembershipResumed,
        MembershipSuspended,
        PointsAdjusted,
        PointsEarned,
        PointsRedeemed,
        PointsReversed,
        RedeemPoints,
        RedemptionCancelled,
        ResumeMembership,
        SuspendMembership,
        Taken,
        TierOverrideGranted,
        TierOverrideLifted,
    )
    from regulars.crm_domain.offer import (
        AssignOffer,
        HeldOut,
        HoldOut,
        OfferAssigned,
        OfferBounced,
        OfferClicked,
        OfferNotSent,
        OfferOpened,
        OfferSending,
        OfferSent,
        OfferSkipped,
        RecordOfferBounced,
        RecordOfferClicked,
        RecordOfferNotSent,
        RecordOfferOpened,
        RecordOfferSending,
        RecordOfferSent,
        RecordUnsubscribed,
        SkipOffer,
        Unsubscribed,
    )
    from regulars.crm_domain.opportunity import (
        ChangeOpportunity,
        LoseOpportunity,
        MoveOpportunity,
        OpenOpportunity,
        OpportunityChanged,
        OpportunityLost,
        OpportunityOpened,
        OpportunityReopened,
        OpportunityStageChanged,
        OpportunityWon,
        ReopenOpportunity,
        WinOpportunity,
    )
    from regulars.crm_domain.purchase import (
        CorrectPurchase,
        Line,
        OrderLine,
        PurchaseRecorded,
        PurchaseReported,
        PurchaseRestored,
        PurchaseVoided,
        ReassignPurchase,
        RecordPurchase,
        RecordReturn,
        RestorePurchase,
        ReturnedTotalRecorded,
        ReturnRecorded,
        VoidPurchase,
    )
    from regulars.crm_domain.quote import (
        AcceptQuote,
        DeclineQuote,
        QuoteAccepted,
        QuoteDeclined,
        QuotedLine,
        QuoteLine,
        QuoteRevised,
        QuoteSent,
        ReviseQuote,
        SendQuote,
    )
    from regulars.crm_domain.reminder import ReminderSettled, SettleReminder
    from regulars.crm_domain.rulebook import RulesPublished, RulesRolledBack
    from regulars.crm_domain.survey import RecordSurveyBounced, RecordSurveySent, SurveyBounced, SurveySent
    from regulars.crm_domain.task import (
        AddTask,
        CompleteTask,
        DropTask,
        ReassignTask,
        Recurrence,
        ReopenTask,
        SnoozeTask,
        TaskAdded,
        TaskCompleted,
        TaskDropped,
        TaskReassigned,
        TaskReopened,
        TaskSnoozed,
    )
    from regulars.crm_domain.ticket import (
        AgentReplied,
        AssignTicket,
        AwaitCustomer,
        ChangePriority,
        ClassifyTicket,
        CloseTicket,
        CustomerReplied,
        EscalateTicket,
        OpenTicket,
        PutOnHold,
        RateTicket,
        ReopenTicket,
        ReplyAsAgent,
        ReplyAsCustomer,
        ResolveTicket,
        ResumeTicket,
        TicketAssigned,
        TicketAwaitingCustomer,
        TicketClassified,
        TicketClosed,
        TicketEscalated,
        TicketOpened,
        TicketPriorityChanged,
        TicketPutOnHold,
        TicketRated,
        TicketReopened,
        TicketResolved,
        TicketResumed,
    )
    from regulars.crm_domain.unexplained import Unexplained
    from regulars.crm_domain.value_model import ModelFitted, RecordFittedModel
    from regulars.doing.campaigns import Campaigns
    from regulars.doing.forgetting import Forgetting, Forgotten
    from regulars.doing.importing import ImportReport, Recognised, RecognisedRow, load_mapping
    from regulars.doing.mail import MailReport
    from regulars.doing.models import Models
    from regulars.doing.outcomes import Outcome
    from regulars.doing.rewards import ForecastBonus, ForecastCoupon, RewardsForecast
    from regulars.modelling.cant_tell import CantTell
    from regulars.opening import OnStale, default_rules
    from regulars.opening import open as open
    from regulars.person.as_json import person_json
    from regulars.person.page import person_page
    from regulars.person.values import PersonExport, WorksFor
    from regulars.pictures import measure_svg, timeline_svg
    from regulars.profile.values import CustomerPage
    from regulars.projections.rules.grammar import Ruleset, parse_rules
    from regulars.quote.page import quote_page
    from regulars.report.page import report_page
    from regulars.restoring import Restoration, restore
    from regulars.rules_door.difference import DueMove, ExplainedMove, Move, RulesDifference, TicketMove
    from regulars.rules_door.estimating import EstimatedMove, RulesEstimate
    from regulars.rules_door.forecast_change import ForecastChange
    from regulars.rules_door.measuring import MeasuredGap, MeasuredGaps
    from regulars.rules_door.programme import ProgrammeChange
    from regulars.rules_door.publishing import Publication, PublishedRules, RulesVersion
    from regulars.session.clock import Clock
    from regulars.session.freshness import Fresh
    from regulars.session.session import AnyRules
    from regulars.statistics.estimate import Estimate
    from regulars.today.mail import today_mail
    from regulars.upkeep.backups import BackupMade, BackupPlan, Backups, KeptBackup
    from regulars.upkeep.calendar_feeds import CalendarFeed, CalendarFeeds, NewCalendarFeed
    from regulars.upkeep.keys import Keys, Rotation
    from regulars.upkeep.read_models import GenerationView, Projections
    from regulars.upkeep.tokens import NewToken, Token, Tokens
    from regulars.upkeep.users import User, Users
    from regulars.upkeep.web_sessions import Visitor, WebSessions

#: The module that defines each name, or defines it as another (name=other). It is imported when the name is first asked
#: for, so that a program waits for nothing that it doesn't use, and gets nothing patched that it doesn't ask for.
_HOMES = {
    "regulars.adapters.sealing.checking": "EventDamage NotedSeal SealCheck SealDamage",
    "regulars.adapters.moving.copying": "copy",
    "regulars.adapters.vault.erasing": "OwnerNeeded",
    "regulars.adapters.extensions.extended": "MissingExtension",
    "regulars.adapters.extensions.extension": "Extension",
    "regulars.adapters.read_models.histories": "Poison",
    "regulars.adapters.store.horizon": "OpenTransaction",
    "regulars.adapters.importing": "ImportMapping=Mapping",
    "regulars.adapters.eventsourcing_library.log_recorder": "LogApplication LogMapper LogRecorder",
    "regulars.adapters.log.misplaced": "NeverDrawn RecordedAhead",
    "regulars.adapters.vault.quarantine": "Reject",
    "regulars.adapters.archive.writing": "Archived",
    "regulars.asking.reports": "Reported",
    "regulars.adapters.checking.result": "Compared Fault NotCovered RecordCheck",
    "regulars.adapters.moving.restoring": "read_erased=read_list",
    "regulars.adapters.store.rules_text": "as_toml",
    "regulars.adapters.sealing.sealing": "Sealing",
    "regulars.adapters.read_models.verifying": "Difference Fingerprint Verification",
    "regulars.crm_domain.command": "Command CustomerId",
    "regulars.crm_domain.customer": (
        "AccountClosed AccountReopened AssignOwner CancellationRequested CancellationWithdrawn "
        "ChangeContactDetails ChurnReasonRecorded CloseAccount ConsentGiven ConsentWithdrawn "
        "ContactDetailsChanged CustomerMerged CustomerRegistered CustomerTagged CustomerUntagged "
        "DismissDuplicate DismissalUndone DisqualifyLead DuplicateDismissed LeadDisqualified "
        "ErasePersonalData GiveConsent LeadQualified MakeReferral MergeCustomers MergeUndone OwnerAssigned "
        "PersonalDataErased PreferenceRecorded QualifyLead RecordChurnReason RecordPreference ReferralMade "
        "RegisterCustomer ReopenAccount RequestCancellation TagCustomer UndoDismissal UndoMerge UntagCustomer "
        "WithdrawCancellation WithdrawConsent "
        "ChangeKind EmploymentEnded EmploymentRecorded EmploymentVoided EndEmployment KindChanged "
        "RecordEmployment VoidEmployment"
    ),
    "regulars.crm_domain.errors": (
        "Conflict InvalidMapping InvalidRules MailServerUnusable NotFound ParkedCustomer RegularsError Rejected "
        "StaleProjections StoreBusy StoreUnusable"
    ),
    "regulars.crm_domain.coupon": "CouponCreated CouponEnded CouponRedeemed CouponReleased CreateCoupon EndCoupon",
    "regulars.crm_domain.issued_coupon": "CouponIssued IssueCoupon",
    "regulars.crm_domain.event": "Event Recorded",
    "regulars.crm_domain.interaction": (
        "AddNote InteractionRecorded NoteAdded RecordInteraction RecordSurveyAnswer SurveyAnswered"
    ),
    "regulars.crm_domain.membership": (
        "AdjustPoints BonusEarned BonusReversed CancelMembership CancelRedemption EnrollMember GrantTierOverride "
        "LiftTierOverride "
        "MembershipCancelled MembershipEnrolled MembershipResumed MembershipSuspended PointsAdjusted "
        "PointsEarned PointsRedeemed PointsReversed RedeemPoints RedemptionCancelled ResumeMembership "
        "SuspendMembership Taken TierOverrideGranted TierOverrideLifted"
    ),
    "regulars.crm_domain.opportunity": (
        "ChangeOpportunity LoseOpportunity MoveOpportunity OpenOpportunity OpportunityChanged OpportunityLost "
        "OpportunityOpened OpportunityReopened OpportunityStageChanged OpportunityWon ReopenOpportunity WinOpportunity"
    ),
    "regulars.crm_domain.purchase": (
        "CorrectPurchase Line OrderLine PurchaseRecorded PurchaseReported PurchaseRestored PurchaseVoided "
        "ReassignPurchase RecordPurchase RecordReturn RestorePurchase ReturnRecorded ReturnedTotalRecorded VoidPurchase"
    ),
    "regulars.crm_domain.rulebook": "RulesPublished RulesRolledBack",
    "regulars.crm_domain.task": (
        "AddTask CompleteTask DropTask ReassignTask Recurrence ReopenTask SnoozeTask TaskAdded TaskCompleted "
        "TaskDropped TaskReassigned TaskReopened TaskSnoozed"
    ),
    "regulars.crm_domain.ticket": (
        "AgentReplied AssignTicket AwaitCustomer ChangePriority ClassifyTicket CloseTicket CustomerReplied "
        "EscalateTicket OpenTicket PutOnHold RateTicket ReopenTicket ReplyAsAgent ReplyAsCustomer "
        "ResolveTicket ResumeTicket TicketAssigned TicketAwaitingCustomer TicketClassified TicketClosed "
        "TicketEscalated TicketOpened TicketPriorityChanged TicketPutOnHold TicketRated TicketReopened "
        "TicketResolved TicketResumed"
    ),
    "regulars.crm_domain.campaign": (
        "CampaignChanged CampaignEnded CampaignLaunched CampaignPaused CampaignPlanned CampaignResumed "
        "ChangeCampaign EndCampaign LaunchCampaign PauseCampaign CampaignPlan PlanCampaign ResumeCampaign"
    ),
    "regulars.crm_domain.offer": (
        "AssignOffer HeldOut HoldOut OfferAssigned OfferBounced OfferClicked OfferNotSent OfferOpened OfferSending "
        "OfferSent OfferSkipped RecordOfferBounced RecordOfferClicked RecordOfferNotSent RecordOfferOpened "
        "RecordOfferSending RecordOfferSent RecordUnsubscribed SkipOffer Unsubscribed"
    ),
    "regulars.crm_domain.unexplained": "Unexplained",
    "regulars.crm_domain.value_model": "ModelFitted RecordFittedModel",
    "regulars.projections.rules.grammar": "Ruleset parse_rules",
    "regulars.asking.coupons": "CouponUse CouponView IssuedCode WholeCoupon",
    "regulars.asking.campaign_preview": "AudienceMember CampaignPreview GateView PeopleNeeded WhyOffered",
    "regulars.asking.campaigns": "CampaignLaunch CampaignView OfferCount OfferPage OfferView WholeCampaign",
    "regulars.doing.campaigns": "Campaigns",
    "regulars.asking.leads": "LeadGroup LeadReport",
    "regulars.asking.one_contract": "WholeContract",
    "regulars.asking.one_opportunity": "WholeOpportunity",
    "regulars.asking.audit": "AuditEntry AuditPage Change",
    "regulars.asking.forecasts": "Expected FittedModel Forecast ForecastPage",
    "regulars.asking.value": "BandTotal Valued ValuePage",
    "regulars.doing.models": "Models",
    "regulars.modelling.cant_tell": "CantTell",
    "regulars.session.clock": "Clock",
    "regulars.asking.employments": "Employment Party",
    "regulars.asking.firms": "Employee Firm",
    "regulars.asking.birthdays": "BirthdayOf BirthdaysFound",
    "regulars.asking.reminders": "Reminder Reminders",
    "regulars.calendars.entries": "CalendarEntries CalendarEntry",
    "regulars.calendars.ics": "calendar_ics",
    "regulars.crm_domain.reminder": "ReminderSettled SettleReminder",
    "regulars.asking.consents": "Consent Consents ConsentWord Contactable ContactablePage",
    "regulars.crm": "Regulars",
    "regulars.asking.customers": "Order",
    "regulars.asking.desk": "Points PointsLot TicketPage TicketView",
    "regulars.rules_door.difference": "DueMove ExplainedMove Move RulesDifference TicketMove",
    "regulars.rules_door.estimating": "EstimatedMove RulesEstimate",
    "regulars.rules_door.forecast_change": "ForecastChange",
    "regulars.rules_door.programme": "ProgrammeChange",
    "regulars.asking.dismissals": "Dismissed",
    "regulars.asking.due": "DueExplanation DueItem DuePage MostBought",
    "regulars.asking.duplicates": "Duplicates DuplicatesPage",
    "regulars.asking.segments": "Attrition AttritionStep SegmentCount SegmentMember SegmentPage",
    "regulars.asking.search": "FoundText SearchPage",
    "regulars.asking.service": "Attainment ServiceReport ServiceBy ServiceLine",
    "regulars.asking.suspects": "Suspect",
    "regulars.asking.tasks": "TaskDay TaskPage TaskView WholeTask",
    "regulars.doing.outcomes": "Outcome",
    "regulars.doing.rewards": "ForecastBonus ForecastCoupon RewardsForecast",
    "regulars.doing.forgetting": "Forgetting Forgotten",
    "regulars.session.freshness": "Fresh",
    "regulars.session.session": "AnyRules",
    "regulars.doing.importing": "ImportReport Recognised RecognisedRow load_mapping",
    "regulars.doing.mail": "MailReport",
    "regulars.profile.values": "CustomerPage",
    "regulars.upkeep.backups": "BackupMade BackupPlan Backups KeptBackup",
    "regulars.upkeep.calendar_feeds": "CalendarFeed CalendarFeeds NewCalendarFeed",
    "regulars.upkeep.keys": "Keys Rotation",
    "regulars.upkeep.tokens": "NewToken Token Tokens",
    "regulars.upkeep.users": "User Users",
    "regulars.upkeep.web_sessions": "Visitor WebSessions",
    "regulars.asking.one_version": "CustomerVersion",
    "regulars.asking.snapshot": "Snapshot",
    "regulars.person.as_json": "person_json",
    "regulars.person.page": "person_page",
    "regulars.pictures": "measure_svg timeline_svg",
    "regulars.report.page": "report_page",
    "regulars.today.mail": "today_mail",
    "regulars.asking.one_ticket": "ClockTime TicketMessage WholeTicket",
    "regulars.person.values": "WorksFor PersonExport",
    "regulars.opening": "OnStale default_rules open",
    "regulars.rules_door.measuring": "MeasuredGap MeasuredGaps",
    "regulars.rules_door.publishing": "Publication PublishedRules RulesVersion",
    "regulars.upkeep.read_models": "GenerationView Projections",
    "regulars.restoring": "Restoration restore",
    "regulars.asking.dicts": "to_dict",
    "regulars.asking.assessments": "AssessmentChange AssessmentDifference",
    "regulars.asking.one_answered": "CustomerSatisfaction MayAsk SurveyView",
    "regulars.asking.satisfaction": "Satisfaction SatisfactionReport",
    "regulars.statistics.estimate": "Estimate",
    "regulars.adapters.read_models.feedback_counts": "FeedbackCounts",
    "regulars.crm_domain.assessment": "AssessmentRecorded RecordAssessment",
    "regulars.crm_domain.survey": "RecordSurveyBounced RecordSurveySent SurveyBounced SurveySent",
    "regulars.asking.contracts": "ContractPage ContractView",
    "regulars.asking.quotes": "QuoteLineView QuotePage QuoteRevision QuoteTax QuoteView WholeQuote",
    "regulars.crm_domain.contract": (
        "AmendContract ContractAmended ContractEnded ContractRenewed "
        "ContractSigned EndContract RenewContract SignContract"
    ),
    "regulars.crm_domain.quote": (
        "AcceptQuote DeclineQuote QuoteAccepted QuoteDeclined QuoteLine "
        "QuoteRevised QuoteSent QuotedLine ReviseQuote SendQuote"
    ),
    "regulars.quote.page": "quote_page",
    "regulars.asking.views": (
        "BuildView Clause Counted Customer EventLine Explanation Lane Page SegmentView Span Status Timeline VerdictView"
    ),
}

__version__ = "0.1.0"

__all__ = [
    "AcceptQuote",
    "AccountClosed",
    "AccountReopened",
    "AddNote",
    "AddTask",
    "AdjustPoints",
    "AgentReplied",
    "AmendContract",
    "AnyRules",
    "Archived",
    "AssessmentChange",
    "AssessmentDifference",
    "AssessmentRecorded",
    "AssignOffer",
    "AssignOwner",
    "AssignTicket",
    "Attainment",
    "Attrition",
    "AttritionStep",
    "AudienceMember",
    "AuditEntry",
    "AuditPage",
    "AwaitCustomer",
    "BackupMade",
    "BackupPlan",
    "Backups",
    "BandTotal",
    "BirthdayOf",
    "BirthdaysFound",
    "BonusEarned",
    "BonusReversed",
    "BuildView",
    "CalendarEntries",
    "CalendarEntry",
    "CalendarFeed",
    "CalendarFeeds",
    "CampaignChanged",
    "CampaignEnded",
    "CampaignLaunch",
    "CampaignLaunched",
    "CampaignPaused",
    "CampaignPlan",
    "CampaignPlanned",
    "CampaignPreview",
    "CampaignResumed",
    "CampaignView",
    "Campaigns",
    "CancelMembership",
    "CancelRedemption",
    "CancellationRequested",
    "CancellationWithdrawn",
    "CantTell",
    "Change",
    "ChangeCampaign",
    "ChangeContactDetails",
    "ChangeKind",
    "ChangeOpportunity",
    "ChangePriority",
    "ChurnReasonRecorded",
    "ClassifyTicket",
    "Clause",
    "Clock",
    "ClockTime",
    "CloseAccount",
    "CloseTicket",
    "Command",
    "Compared",
    "CompleteTask",
    "Conflict",
    "Consent",
    "ConsentGiven",
    "ConsentWithdrawn",
    "ConsentWord",
    "Consents",
    "ContactDetailsChanged",
    "Contactable",
    "ContactablePage",
    "ContractAmended",
    "ContractEnded",
    "ContractPage",
    "ContractRenewed",
    "ContractSigned",
    "ContractView",
    "CorrectPurchase",
    "Counted",
    "CouponCreated",
    "CouponEnded",
    "CouponIssued",
    "CouponRedeemed",
    "CouponReleased",
    "CouponUse",
    "CouponView",
    "CreateCoupon",
    "Customer",
    "CustomerId",
    "CustomerMerged",
    "CustomerPage",
    "CustomerRegistered",
    "CustomerReplied",
    "CustomerSatisfaction",
    "CustomerTagged",
    "CustomerUntagged",
    "CustomerVersion",
    "DeclineQuote",
    "Difference",
    "DismissDuplicate",
    "DismissalUndone",
    "Dismissed",
    "DisqualifyLead",
    "DropTask",
    "DueExplanation",
    "DueItem",
    "DueMove",
    "DuePage",
    "DuplicateDismissed",
    "Duplicates",
    "DuplicatesPage",
    "Employee",
    "Employment",
    "EmploymentEnded",
    "EmploymentRecorded",
    "EmploymentVoided",
    "EndCampaign",
    "EndContract",
    "EndCoupon",
    "EndEmployment",
    "EnrollMember",
    "ErasePersonalData",
    "EscalateTicket",
    "Estimate",
    "EstimatedMove",
    "Event",
    "EventDamage",
    "EventLine",
    "Expected",
    "ExplainedMove",
    "Explanation",
    "Extension",
    "Fault",
    "FeedbackCounts",
    "Fingerprint",
    "Firm",
    "FittedModel",
    "Forecast",
    "ForecastBonus",
    "ForecastChange",
    "ForecastCoupon",
    "ForecastPage",
    "Forgetting",
    "Forgotten",
    "FoundText",
    "Fresh",
    "GateView",
    "GenerationView",
    "GiveConsent",
    "GrantTierOverride",
    "HeldOut",
    "HoldOut",
    "ImportMapping",
    "ImportReport",
    "InteractionRecorded",
    "InvalidMapping",
    "InvalidRules",
    "IssueCoupon",
    "IssuedCode",
    "KeptBackup",
    "Keys",
    "KindChanged",
    "Lane",
    "LaunchCampaign",
    "LeadDisqualified",
    "LeadGroup",
    "LeadQualified",
    "LeadReport",
    "LiftTierOverride",
    "Line",
    "LogApplication",
    "LogMapper",
    "LogRecorder",
    "LoseOpportunity",
    "MailReport",
    "MailServerUnusable",
    "MakeReferral",
    "MayAsk",
    "MeasuredGap",
    "MeasuredGaps",
    "MembershipCancelled",
    "MembershipEnrolled",
    "MembershipResumed",
    "MembershipSuspended",
    "MergeCustomers",
    "MergeUndone",
    "MissingExtension",
    "ModelFitted",
    "Models",
    "MostBought",
    "Move",
    "MoveOpportunity",
    "NeverDrawn",
    "NewCalendarFeed",
    "NewToken",
    "NotCovered",
    "NotFound",
    "NoteAdded",
    "NotedSeal",
    "OfferAssigned",
    "OfferBounced",
    "OfferClicked",
    "OfferCount",
    "OfferNotSent",
    "OfferOpened",
    "OfferPage",
    "OfferSending",
    "OfferSent",
    "OfferSkipped",
    "OfferView",
    "OnStale",
    "OpenOpportunity",
    "OpenTicket",
    "OpenTransaction",
    "OpportunityChanged",
    "OpportunityLost",
    "OpportunityOpened",
    "OpportunityReopened",
    "OpportunityStageChanged",
    "OpportunityWon",
    "Order",
    "OrderLine",
    "Outcome",
    "OwnerAssigned",
    "OwnerNeeded",
    "Page",
    "ParkedCustomer",
    "Party",
    "PauseCampaign",
    "PeopleNeeded",
    "PersonExport",
    "PersonalDataErased",
    "PlanCampaign",
    "Points",
    "PointsAdjusted",
    "PointsEarned",
    "PointsLot",
    "PointsRedeemed",
    "PointsReversed",
    "Poison",
    "PreferenceRecorded",
    "ProgrammeChange",
    "Projections",
    "Publication",
    "PublishedRules",
    "PurchaseRecorded",
    "PurchaseReported",
    "PurchaseRestored",
    "PurchaseVoided",
    "PutOnHold",
    "QualifyLead",
    "QuoteAccepted",
    "QuoteDeclined",
    "QuoteLine",
    "QuoteLineView",
    "QuotePage",
    "QuoteRevised",
    "QuoteRevision",
    "QuoteSent",
    "QuoteTax",
    "QuoteView",
    "QuotedLine",
    "RateTicket",
    "ReassignPurchase",
    "ReassignTask",
    "Recognised",
    "RecognisedRow",
    "RecordAssessment",
    "RecordCheck",
    "RecordChurnReason",
    "RecordEmployment",
    "RecordFittedModel",
    "RecordInteraction",
    "RecordOfferBounced",
    "RecordOfferClicked",
    "RecordOfferNotSent",
    "RecordOfferOpened",
    "RecordOfferSending",
    "RecordOfferSent",
    "RecordPreference",
    "RecordPurchase",
    "RecordReturn",
    "RecordSurveyAnswer",
    "RecordSurveyBounced",
    "RecordSurveySent",
    "RecordUnsubscribed",
    "Recorded",
    "RecordedAhead",
    "Recurrence",
    "RedeemPoints",
    "RedemptionCancelled",
    "ReferralMade",
    "RegisterCustomer",
    "Regulars",
    "RegularsError",
    "Reject",
    "Rejected",
    "Reminder",
    "ReminderSettled",
    "Reminders",
    "RenewContract",
    "ReopenAccount",
    "ReopenOpportunity",
    "ReopenTask",
    "ReopenTicket",
    "ReplyAsAgent",
    "ReplyAsCustomer",
    "Reported",
    "RequestCancellation",
    "ResolveTicket",
    "Restoration",
    "RestorePurchase",
    "ResumeCampaign",
    "ResumeMembership",
    "ResumeTicket",
    "ReturnRecorded",
    "ReturnedTotalRecorded",
    "ReviseQuote",
    "RewardsForecast",
    "Rotation",
    "RulesDifference",
    "RulesEstimate",
    "RulesPublished",
    "RulesRolledBack",
    "RulesVersion",
    "Ruleset",
    "Satisfaction",
    "SatisfactionReport",
    "SealCheck",
    "SealDamage",
    "Sealing",
    "SearchPage",
    "SegmentCount",
    "SegmentMember",
    "SegmentPage",
    "SegmentView",
    "SendQuote",
    "ServiceBy",
    "ServiceLine",
    "ServiceReport",
    "SettleReminder",
    "SignContract",
    "SkipOffer",
    "Snapshot",
    "SnoozeTask",
    "Span",
    "StaleProjections",
    "Status",
    "StoreBusy",
    "StoreUnusable",
    "SurveyAnswered",
    "SurveyBounced",
    "SurveySent",
    "SurveyView",
    "Suspect",
    "SuspendMembership",
    "TagCustomer",
    "Taken",
    "TaskAdded",
    "TaskCompleted",
    "TaskDay",
    "TaskDropped",
    "TaskPage",
    "TaskReassigned",
    "TaskReopened",
    "TaskSnoozed",
    "TaskView",
    "TicketAssigned",
    "TicketAwaitingCustomer",
    "TicketClassified",
    "TicketClosed",
    "TicketEscalated",
    "TicketMessage",
    "TicketMove",
    "TicketOpened",
    "TicketPage",
    "TicketPriorityChanged",
    "TicketPutOnHold",
    "TicketRated",
    "TicketReopened",
    "TicketResolved",
    "TicketResumed",
    "TicketView",
    "TierOverrideGranted",
    "TierOverrideLifted",
    "Timeline",
    "Token",
    "Tokens",
    "UndoDismissal",
    "UndoMerge",
    "Unexplained",
    "Unsubscribed",
    "UntagCustomer",
    "User",
    "Users",
    "ValuePage",
    "Valued",
    "VerdictView",
    "Verification",
    "Visitor",
    "VoidEmployment",
    "VoidPurchase",
    "WebSessions",
    "WholeCampaign",
    "WholeContract",
    "WholeCoupon",
    "WholeOpportunity",
    "WholeQuote",
    "WholeTask",
    "WholeTicket",
    "WhyOffered",
    "WinOpportunity",
    "WithdrawCancellation",
    "WithdrawConsent",
    "WorksFor",
    "__version__",
    "as_toml",
    "calendar_ics",
    "default_rules",
    "load_mapping",
    "measure_svg",
    "parse_rules",
    "person_json",
    "person_page",
    "quote_page",
    "read_erased",
    "report_page",
    "restore",
    "timeline_svg",
    "to_dict",
    "today_mail",
]

_MODULES = ("aio", "extending", "grammar", "measures", "person", "profile", "report", "selling", "today")

if not TYPE_CHECKING:  # else every name would be taken for one of ours
    _PLACES = {
        name: (module, defined_as or name)
        for module, names in _HOMES.items()
        for name, _, defined_as in (each.partition("=") for each in names.split())
    }

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"regulars.{name}")
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, defined_as = _PLACES[name]
        globals()[name] = value = getattr(import_module(module), defined_as)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_PLACES, *_MODULES})
