"""A program that traces sees what the library does, and nothing of whom it does it with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from regulars import RecordPurchase, RegisterCustomer, Rejected
from shops import Clock, opened

PERSONAL = ("shop:77", "Zoëla", "zoela@example.com", "+49 30 7777", "A-777", "orders-of-zoela")
MAPPING = """
format = "csv"
[[command]]
do = "RecordPurchase"
[command.fields]
customer = "{who}"
order_id = "{order}"
amount = "{amount}"
"""


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    return kept


def named(spans: tuple[ReadableSpan, ...], name: str) -> list[ReadableSpan]:
    return [each for each in spans if each.name == f"regulars {name}"]


def test_spans_tell_what_is_done_and_nothing_personal(
    exporter: InMemorySpanExporter, database_url: str, tmp_path: Path
) -> None:
    exporter.clear()
    file, mapping = tmp_path / "orders-of-zoela.csv", tmp_path / "mapping.toml"
    file.write_text("who,order,amount\nshop:77,A-777,5.90\n")
    mapping.write_text(MAPPING)
    with opened(database_url, Clock()) as crm, trace.get_tracer("till").start_as_current_span("sale"):
        crm.do(RegisterCustomer(ref="shop:77", name="Zoëla", email="zoela@example.com", phone="+49 30 7777"))
        with pytest.raises(Rejected, match="A-777"):
            crm.do([RecordPurchase(customer="shop:77", order_id="A-777", amount=each) for each in ("1", "2")])
        crm.import_file(file, mapping)
        assert len(crm.customers(text="Zoëla")) == 1
        crm.projections.rebuild()
    spans = exporter.get_finished_spans()
    done, refused = named(spans, "do")
    assert done.attributes is not None
    assert dict(done.attributes) == {
        "db.system.name": "sqlite" if "://" not in database_url else "postgresql",
        "regulars.commands": 1,
        "regulars.kinds": ("RegisterCustomer",),
    }
    assert refused.attributes is not None
    assert refused.attributes["error.type"] == "Rejected"
    assert refused.status.status_code is trace.StatusCode.ERROR
    for name in ("import", "customers", "catch up", "build"):
        assert named(spans, name), name
    [sale] = [each for each in spans if each.name == "sale"]
    assert done.parent == sale.context
    told = "\n".join(each.to_json() for each in spans)
    assert not [each for each in PERSONAL if each in told or each.encode("unicode_escape").decode() in told]


def test_nothing_of_it_is_imported_for_a_program_that_does_not_trace(tmp_path: Path) -> None:
    script = """
import sys, regulars
with regulars.open("shop.db", currency="EUR") as crm:
    crm.do(regulars.RegisterCustomer(ref="shop:1"))
    assert len(crm.customers()) == 1
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
