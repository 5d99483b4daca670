"""An example of a model that was fitted."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import asdict

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.value_model.decider import ModelFitted, RecordFittedModel

_AS_OF = datetime(1997, 9, 30, 23, 59, 59, 999_999, tzinfo=UTC)
_DIGEST = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # SHA-256 of {}


def examples() -> Examples:
    """An example of a model that was fitted."""
    event = ModelFitted(
        model="value",
        as_of=to_instant(_AS_OF),
        horizon_days=365,
        data_position=9_276,
        data_digest=_DIGEST,
        rules_digest=_DIGEST,
        customers=2_357,
        repeaters=946,
        without_spend=1,
        r="0.525",
        alpha="6.183",
        a="0.891",
        b="1.614",
        log_likelihood="-9582.1",
        p="6.25",
        q="3.74",
        v="15.44",
        spend_log_likelihood="-4058.7",
        replicates=("0.53 6.2 0.88 1.6 6.2 3.8 15.5", "0.52 6.1 0.9 1.7 6.3 3.7 15.3"),
        orders="2032.1",
        orders_low="1869.2",
        orders_high="2201.8",
        held_out_days=91,
        held_out_orders=462,
        held_out_low=410,
        held_out_high=530,
    )
    fields = {name: value for name, value in asdict(event).items() if name not in ("rules_digest", "as_of")}
    return Examples(events=(event,), commands=(RecordFittedModel(as_of=_AS_OF, **fields),))
