"""Twenty segments, of all kinds of facts and of each other, beside the three verdicts that they ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import process_time

from benchmarks.bench import Bench
from benchmarks.history import opened
from benchmarks.machine import peak_memory
from benchmarks.rows import Figure
from benchmarks.timing import in_own_process
from regulars import Ruleset, as_toml, default_rules, parse_rules
from regulars.adapters.read_models.replay import in_chunks, replay
from regulars.adapters.schema.positions import LAST_POSITION
from regulars.adapters.store.store import Store
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.engine.fold import Folded, FoldPlan, Happened
from regulars.projections.engine.projector import Projector
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.segments.projector import SEGMENTS

_THREE = (CHURN_RISK, LOYALTY_TIER, LIFECYCLE_STAGE)

#: What is asked to come in, and what else is said of the segment.
_TWENTY = {
    "recent": ('{ fact = "days_since_order", below = 30 }', ""),
    "lapsed": ('{ fact = "orders", from = 2 }, { fact = "days_since_order", above = 60 }', ""),
    "silver_up": ('{ fact = "tier", in = ["silver", "gold", "platinum"] }', "stay_days = 30"),
    "at_risk": ('{ fact = "stage", in = ["at_risk", "dormant"] }', "pause_days = 30"),
    "risky": ('{ fact = "risk", from = 60 }', ""),
    "worth_a_call": (
        '{ fact = "segment", has = ["silver_up"] }, { fact = "risk_band", in = ["high", "critical"] }',
        'leave = [{ fact = "orders", within_days = 14, from = 1 }]\npause_days = 90',
    ),
    "big": ('{ fact = "spend", within_days = 365, from = "500.00" }', ""),
    "frequent": ('{ fact = "orders", within_days = 90, from = 3 }', ""),
    "returners": ('{ fact = "returns", within_days = 365, from = 2 }', ""),
    "complaining": ('{ fact = "open_tickets", from = 1 }', ""),
    "unhappy": ('{ fact = "nps", within_days = 180, below = 7 }', ""),
    "happy": ('{ fact = "csat", within_days = 180, from = 4 }, { fact = "open_tickets", below = 1 }', ""),
    "beginners": ('{ fact = "orders", below = 2 }, { fact = "tenure_days", below = 60 }', ""),
    "old": ('{ fact = "tenure_days", from = 730 }', ""),
    "vips": ('{ fact = "tagged", any = ["vip", "press"] }', ""),
    "web": ('{ fact = "source", in = ["web"] }', ""),
    "quiet": ('{ fact = "gap", from = 1.5 }, { fact = "account_closed", is = false }', ""),
    "silent": ('{ fact = "days_since_engagement", above = 180 }', "stay_days = 90"),
    "mailing": ('{ fact = "segment", any = ["lapsed", "quiet"] }, { fact = "segment", lacks = ["vips"] }', ""),
    "rest": ('{ fact = "segment", lacks = ["recent", "lapsed", "silver_up", "beginners"] }', ""),
}


def with_segments() -> Ruleset:
    """The default rules with the segments."""
    tables = (f'[[segment]]\nid = "{name}"\nenter = [{enter}]\n{rest}\n' for name, (enter, rest) in _TWENTY.items())
    return parse_rules("\n".join([as_toml(default_rules()), *tables]))


def fold_all(path: Path) -> tuple[float, float]:
    """How many seconds it takes to judge everything by the three, and by them and the segments; of the same events."""
    with closing(Store(path)) as store, store.reading() as tx:
        currency = store.currency(tx.connection)
        plain, ours = (compile_rules(rules, currency) for rules in (default_rules(), with_segments()))
        without = with_them = 0.0
        for chunk in in_chunks(replay(store, tx.connection, FoldPlan(plain, ()), LAST_POSITION)):
            histories = [each.history.happened for each in chunk]
            for judged in (plain, ours):
                began = process_time()
                _judge(histories, judged, _THREE if judged is plain else (*_THREE, SEGMENTS))
                taken = process_time() - began
                without, with_them = (without + taken, with_them) if judged is plain else (without, with_them + taken)
    return without, with_them


def _judge(histories: list[list[Happened]], rules: Rules, projectors: tuple[Projector, ...]) -> None:
    plan = FoldPlan(rules, projectors)
    for happened in histories:
        plan.fold(Folded(), happened)


def rebuild_once(path: Path, now: datetime) -> tuple[float, int]:
    """How much memory a rebuild with the segments takes, and how many customers are in one."""
    with opened(path, now) as crm:
        crm.rules.publish(with_segments(), reason="segments")
        crm.projections.rebuild()
        return peak_memory(), sum(each.members for each in crm.segments())


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 9."""
    made = bench.main
    path, now = bench.copy(made, "segments")
    runs = [in_own_process(fold_all, path) for _ in range(bench.few(2, 1))]
    without, with_them = (min(taken) for taken in zip(*runs, strict=True))
    yield Figure(
        row="segments",
        value=with_them / without,
        absolute=f"{with_them:.1f} s with them, {without:.1f} s without, of {made.events:,} events",
        note=f"best of {len(runs)}, in turns, chunk by chunk; nothing is read or written",
        numbers={"seconds": with_them, "without_seconds": without, "events": made.events},
    )
    peak, members = in_own_process(rebuild_once, path, now)
    yield Figure(
        row="segments.memory",
        value=peak,
        absolute=f"{made.customers:,} customers, {members:,} memberships now",
        note="of a process that does nothing else",
        numbers={"mib": peak, "members": members},
    )
    path.unlink()
