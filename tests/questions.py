"""A store in which everything has happened, and what is to be given to ask it every question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import regulars
from regulars import RegisterCustomer, Regulars, default_rules, parse_rules
from regulars.crm_domain.catalogue import AGGREGATES

RULES = """
[[segment]]
id = "buyers"
enter = [{ fact = "orders", from = 1 }]
[due_again]
gaps = { tea = 10 }
[[care]]
id = "years"
on = "first_order"
"""
#: By the number of their reference; names that programs stumble over.
ODD_NAMES = {
    40: 'Zoë O\'Brien "Bobby" <b>Łukasz</b>',
    41: "李小龙; DROP TABLE regulars_events",
    42: "=HYPERLINK(evil.example)",
    43: "Müller\\nBackslash {curly} %s",
    44: "Ada\u202eecalevoL 🫖",
}
#: What is to be given where a question can't do without.
GIVEN = {
    "contactable": {"channel": "email", "purpose": "newsletter"},
    "compare_assessments": {"old": "1", "new": "2"},
    "expiring": {"within": "90d"},
    "explain_due": {"item": "tea"},
    "find": {"who": "shop:42"},
    "flow": {"first": "2025-12-01", "second": "2026-02-01"},
    "history": {"field": "name"},
    "launch_campaign": {"campaign_id": "later"},
    "movers": {"first": "2025-12-01", "second": "2026-02-01", "new": "new"},
    "rewards_forecast": {"amount": "59.90"},
    "pipeline_waterfall": {"first": "2025-12-01", "second": "2026-02-01"},
    "rules_estimate": {"toml": regulars.as_toml(default_rules())},
    "search": {"text": "a"},
    "task_days": {"since": "2026-03-01", "before": "2026-04-01"},
    "totals": {"days": ["2026-01-01", "2026-03-01"]},
}
NAMED = {
    "segment": "buyers",
    "name": "buyers",
    "lane": "stage",
    "dimension": "tier",
    "number": "1",
    "ticket_id": "T-1",
    "task_id": "K-1",
    "quote_id": "Q-1",
    "opportunity_id": "O-1",
    "contract_id": "C-1",
    "coupon_id": "SUMMER10",
    "campaign_id": "letters",
}


@contextmanager
def store_in_which_everything_happened(path: Path, now: datetime) -> Iterator[Regulars]:
    """A store in which every example of a command was given that it takes."""
    rules = parse_rules(f"{regulars.as_toml(default_rules())}\n{RULES}")
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: now, rules=rules) as crm:
        at = now - timedelta(days=90)
        crm.do(
            [RegisterCustomer(ref=f"shop:{number}", name=name, occurred_at=at) for number, name in ODD_NAMES.items()]
        )
        crm.do(RegisterCustomer(ref="acme", kind="firm", occurred_at=at))
        crm.do(regulars.RecordEmployment(customer="shop:44", firm="acme"))
        for days in (60, 40, 20):
            line, then = regulars.OrderLine(sku="tea", amount="30"), now - timedelta(days=days)
            order: dict[str, Any] = {"order_id": f"T-{days}", "amount": "30", "lines": (line,), "occurred_at": then}
            crm.do(regulars.RecordPurchase(customer="shop:44", **order))
        text = crm.do(regulars.AddNote(customer="shop:44", text="likes tea, says Zoë")).position
        assert text is not None
        for version, word in (("1", "negative"), ("2", "mixed")):
            crm.assess(text, "sentiment", word, model="mood", version=version)
        crm.do(regulars.OpenTicket(customer="shop:44", ticket_id="T-1", subject="Zoë waits for tea"))
        crm.do(regulars.AddTask(task_id="K-1", customer="shop:44", what="call Zoë about tea"))
        crm.do(regulars.OpenOpportunity(customer="shop:44", opportunity_id="O-1", amount="90"))
        tea = regulars.QuoteLine(sku="tea", unit_price="9.50", tax_rate="7")
        crm.do(regulars.SendQuote(customer="shop:44", quote_id="Q-1", lines=(tea,)))
        crm.do(regulars.SignContract(customer="shop:44", contract_id="C-1", start=at.date(), amount="90"))
        everybody = [f"shop:{number}" for number in ODD_NAMES]
        for ref in everybody:
            crm.do(regulars.GiveConsent(customer=ref, channel="post", purpose="news", occurred_at=at))
        letters = {
            "kind": "letters",
            "channel": "post",
            "purpose": "news",
            "customers": everybody,
            "offer": "Tea, {name}",
        }
        for campaign_id in ("letters", "later"):
            crm.do(regulars.PlanCampaign(campaign_id=campaign_id, title="Letters", **letters))
        crm.campaigns.launch("letters")
        for each in AGGREGATES:
            for command in each.examples().commands:
                try:
                    crm.do(command)
                except (regulars.Rejected, regulars.NotFound):
                    continue
        yield crm
