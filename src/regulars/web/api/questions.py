"""The questions that can be asked over HTTP: for each its address, and what is asked of the store.

Parameters and the shape of the answer follow from the signature of what is asked; the role that it takes stands in the
table of permissions under its name. What may hold something personal, such as a text to search for, is sent in the body
of a POST, as addresses end up in logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from regulars.crm import Regulars
from regulars.web.api import asked_otherwise

Method = Literal["GET", "POST"]


class Question(Struct, frozen=True):
    """A question: its path below /api/v1, what is asked with the store as its first argument, and by which method.

    `name` is that of the question in the table of permissions and in the OpenAPI document. `without` are parameters of
    what is asked that this route doesn't take. Where it `has_version`, the answer about one customer as of now has an
    ETag; not so where it counts days, or names others, who may be renamed or forgotten. Where it `acts`, something is
    recorded, in the name of who asks.
    """

    path: str
    name: str
    ask: Callable[..., Any]
    method: Method = "GET"
    without: frozenset[str] = frozenset()
    has_version: bool = False
    acts: bool = False


def _get(path: str, ask: Callable[..., Any], *, name: str = "", without: str = "", version: bool = False) -> Question:
    return Question(path, name or ask.__name__, ask, "GET", frozenset(without.split()), version)


def _post(path: str, ask: Callable[..., Any], *, name: str = "") -> Question:
    return Question(path, name or ask.__name__, ask, "POST")


def _act(path: str, ask: Callable[..., Any], *, name: str) -> Question:
    return Question(path, name, ask, "POST", acts=True)


QUESTIONS: tuple[Question, ...] = (
    _post("/find", asked_otherwise.find),
    _post("/search", Regulars.search),
    # one customer
    _get("/customers", Regulars.customers, without="text"),
    _post("/customers/search", Regulars.customers, name="customers_by_text"),
    _get("/customers/{who}", Regulars.customer, version=True),
    _get("/customers/{who}/page", Regulars.page),
    _get("/customers/{who}/version", Regulars.version_of),
    _get("/customers/{who}/explanation", asked_otherwise.explain),
    _get("/customers/{who}/timeline", asked_otherwise.timeline, version=True),
    _get("/customers/{who}/history", Regulars.history),
    _get("/customers/{who}/consents", Regulars.consents),
    _get("/customers/{who}/points", Regulars.points),
    _get("/customers/{who}/coupon-codes", Regulars.coupon_codes),
    _get("/customers/{who}/rewards", asked_otherwise.rewards_forecast),
    _get("/customers/{who}/satisfaction", Regulars.satisfaction_of),
    _get("/customers/{who}/may-ask", Regulars.may_ask),
    _get("/customers/{who}/forecast", Regulars.forecast),
    _get("/customers/{who}/due", Regulars.explain_due),
    _get("/customers/{who}/most-bought", Regulars.most_bought),
    _get("/customers/{person}/firms", Regulars.firms_of),
    _get("/customers/{who}/export", Regulars.export_person),
    _get("/firms/{who}", Regulars.firm),
    _get("/firms/{firm}/people", Regulars.people),
    # lists
    _get("/duplicates", Regulars.duplicates),
    _get("/duplicates/near", Regulars.near_duplicates),
    _get("/duplicates/dismissed", Regulars.dismissed_duplicates),
    _get("/contactable", Regulars.contactable),
    _get("/forgotten", Regulars.forgotten),
    _get("/segments", Regulars.segments),
    _get("/segments/{name}", Regulars.segment),
    _get("/segments/{segment}/attrition", Regulars.attrition),
    _get("/value", Regulars.value),
    _get("/forecasts", Regulars.forecasts),
    _get("/due", Regulars.due),
    # work
    _get("/today", Regulars.today),
    _get("/tickets", Regulars.tickets),
    _get("/tickets/{ticket_id:path}", Regulars.ticket),
    _get("/tasks", Regulars.tasks),
    _get("/task-days", Regulars.task_days),
    _get("/tasks/{task_id:path}", Regulars.task),
    _get("/reminders", Regulars.reminders),
    _get("/birthdays", Regulars.birthdays),
    _get("/calendar", Regulars.calendar),
    _get("/quotes", Regulars.quotes),
    _get("/quotes/{quote_id:path}", Regulars.quote),
    _get("/contracts", Regulars.contracts),
    _get("/contracts/{contract_id:path}", Regulars.contract),
    _get("/opportunities/{opportunity_id:path}", Regulars.opportunity),
    _get("/coupons", Regulars.coupons),
    _get("/coupons/{coupon_id}", Regulars.coupon),
    # campaigns
    _get("/campaigns", asked_otherwise.campaigns, name="campaigns.history"),
    _get("/campaigns/effects", asked_otherwise.campaign_effects, name="campaigns.effects"),
    _get("/campaigns/{campaign_id}/preview", asked_otherwise.campaign_preview, name="campaigns.preview"),
    _get("/campaigns/{campaign_id}/explanation/{who}", asked_otherwise.explain_offer, name="campaigns.explain"),
    _get("/campaigns/{campaign_id}/offers", asked_otherwise.offers, name="campaigns.who"),
    _get("/campaigns/{campaign_id}/to-send", asked_otherwise.to_send, name="campaigns.to_send"),
    _get("/campaigns/{campaign_id}/effect", asked_otherwise.campaign_effect, name="campaigns.effect"),
    _act("/campaigns/launch", asked_otherwise.launch_campaign, name="campaigns.launch"),
    _get("/campaigns/{campaign_id:path}", asked_otherwise.campaign, name="campaigns.campaign"),
    # measures
    _get("/lanes/{lane}/values", Regulars.values),
    _get("/totals/{lane}", Regulars.totals),
    _get("/trend/{dimension}", Regulars.trend),
    _get("/flow/{lane}", Regulars.flow),
    _get("/flow/{lane}/movers", asked_otherwise.movers),
    _get("/cohorts", Regulars.cohorts),
    _get("/rfm", Regulars.rfm),
    _get("/revenue", Regulars.revenue),
    _get("/points/liability", Regulars.liability),
    _get("/points/expiring", Regulars.expiring),
    _get("/leads", Regulars.leads),
    _get("/service", Regulars.service),
    _get("/satisfaction", Regulars.satisfaction),
    _get("/assessments/comparison", Regulars.compare_assessments),
    _get("/pipeline", Regulars.pipeline),
    _get("/opportunities", Regulars.opportunities),
    _get("/pipeline/stale", Regulars.stale_opportunities),
    _get("/pipeline/stages", Regulars.pipeline_stages),
    _get("/pipeline/waterfall", Regulars.pipeline_waterfall),
    _get("/pipeline/forecast", Regulars.pipeline_forecast),
    _get("/pipeline/calibration", Regulars.pipeline_calibration),
    _get("/report", Regulars.report, without="personal"),
    _get("/business/timeline", Regulars.business_timeline),
    # the store
    _get("/status", Regulars.status),
    _get("/audit", Regulars.audit),
    _get("/changes", Regulars.subscriptions),
    _get("/events", asked_otherwise.events),
    _get("/rejects", Regulars.rejects),
    _get("/seals/check", Regulars.check_seals),
    _get("/records/check", Regulars.check_records),
    _get("/rules", asked_otherwise.rules_in_force, name="rules.in_force"),
    _get("/rules/versions", asked_otherwise.rules_history, name="rules.history"),
    _get("/rules/versions/{number}", asked_otherwise.rules_version, name="rules.version"),
    _post("/rules/estimate", asked_otherwise.rules_estimate, name="rules.estimate"),
)

#: The methods of a store that no route asks, and why.
NOT_ASKED: dict[str, str] = {
    "changes": "it has a route of its own, as it is told until it is acknowledged",
    **dict.fromkeys(("do", "acting", "as_actor", "close"), "commands have a route of their own, and their token acts"),
    **dict.fromkeys(
        ("read_only", "is_new", "missing_extensions", "names_readable", "behind", "event_count", "schema_version"),
        "GET /status has it",
    ),
    "snapshot": "an answer about a customer has its ETag, and GET /status has the rest",
    **dict.fromkeys(("currency", "dimensions", "lanes", "now"), "GET /status and the answers themselves have it"),
    **dict.fromkeys(("ruleset", "grammar"), "GET /rules has what is in force"),
    **dict.fromkeys(("forget", "forget_again"), "ErasePersonalData is a command"),
    "assess": "RecordAssessment is a command",
    "catch_up": "a question catches up by itself",
    **dict.fromkeys(
        ("import_file", "recognise", "import_mail", "files", "backup", "archive", "export_reports", "export_events"),
        "it is about files on the machine of the store; GET /events has what an export has",
    ),
    **dict.fromkeys(("seal", "last_seal"), "the store seals by itself"),
    "grants_to_read": "it is about roles of PostgreSQL",
    "hold_names": "it is about the memory of the process that serves",
    "as_application_recorder": "it is about a library in the same process",
}
