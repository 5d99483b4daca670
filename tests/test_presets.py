"""Each preset takes a file with the header that the service writes, also where somebody saved it otherwise."""

from __future__ import annotations

import gzip
import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regulars
from exports import EXPORTS, Export
from regulars import InvalidMapping
from regulars.adapters.importing import PRESETS, preset_for, propose
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded
from saying import Say
from sheets import xlsx

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Lee\r\nEMAIL:ann@example.com\r\nTEL:+49 30 123456\r\nEND:VCARD\r\n"


def taken(folder: Path, content: bytes, name: str | None = None) -> regulars.ImportReport:
    """What an import of a file by the mapping that is proposed for it did, or by the preset of that name."""
    file = folder / "export"
    file.write_bytes(content)
    mapping = propose(file).mapping if name is None else preset_for(name, file)
    assert mapping is not None
    with regulars.open(":memory:", currency="EUR", clock=lambda: NOW) as crm:
        return crm.import_file(file, mapping)


VARIANTS: dict[str, Any] = {
    "as it is": lambda each: each.text().encode(),
    "with semicolons, by Excel": lambda each: each.text(";").encode("utf-8-sig"),
    "with tabs, in UTF-16": lambda each: each.text("\t").encode("utf-16"),
    "in another order, with more columns": lambda each: each.text(
        ",", ["New", *reversed(each.columns), "Newer"]
    ).encode(),
    "without what may be missing": lambda each: each.text(
        ",", [column for column in each.columns if column not in each.optional]
    ).encode(),
    "compressed": lambda each: gzip.compress(each.text().encode()),
    "as a spreadsheet": lambda each: xlsx({"Sheet1": each.table()}),
    "with lines of Windows and empty ones": lambda each: (each.text().replace("\r\n", "\r\n\r\n") + ",,\r\n").encode(),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("export", EXPORTS, ids=lambda each: each.preset)
def test_an_export_is_recognised_and_taken(tmp_path: Path, export: Export, variant: str) -> None:
    content = VARIANTS[variant](export)
    (tmp_path / "export").write_bytes(content)
    found = propose(tmp_path / "export").preset
    assert found is not None
    assert found.name == export.preset
    report = taken(tmp_path, content)
    assert [each.reason for each in report.rejects] == []
    assert report.events == export.events


def test_there_is_an_export_for_each_preset() -> None:
    tested = {each.preset for each in EXPORTS} | {"vcard", "paypal-refunds", "sent-offers"}  # that one: test_sending
    assert tested == {each.name for each in PRESETS}


def test_vcards_are_recognised(tmp_path: Path) -> None:
    assert taken(tmp_path, CARD.encode()).events == 1
    assert taken(tmp_path, CARD.encode("utf-16")).events == 1


@pytest.mark.parametrize(
    ("line", "kind"),
    [("", "person"), ("KIND:individual", "person"), ("KIND:org", "firm"), ("X-ABShowAs:COMPANY", "firm")],
)
def test_a_card_says_whether_it_is_of_a_firm(tmp_path: Path, line: str, kind: str) -> None:
    file = tmp_path / "contacts.vcf"
    file.write_text(f"BEGIN:VCARD\nVERSION:3.0\nFN:Acme\nEMAIL:office@acme.example\n{line}\nEND:VCARD\n")
    with regulars.open(":memory:", currency="EUR", clock=lambda: NOW) as crm:
        crm.import_file(file, propose(file).mapping)
        assert crm.customer("mail:office@acme.example").kind == kind


def test_an_order_of_several_rows_has_their_lines_and_what_came_back(tmp_path: Path) -> None:
    for name in ("shopify-orders", "woocommerce-orders"):
        [export] = [each for each in EXPORTS if each.preset == name]
        file = tmp_path / "export.csv"
        file.write_text(export.text())
        with regulars.open(":memory:", currency="EUR", clock=lambda: NOW) as crm:
            crm.import_file(file, propose(file).mapping)
            first, second = (each.event for each in crm.events(types=PurchaseRecorded))
            assert [(line.sku, line.quantity, line.amount) for line in first.lines] == [
                ("Tea", 2, 1000),
                ("Mug", 1, 3000),
            ]
            [back] = (each.event for each in crm.events(types=ReturnedTotalRecorded))
            assert back.order_id == second.order_id
            assert crm.customer("mail:ann@example.com").orders == 2


def test_paypals_refunds_have_a_mapping_of_their_own(tmp_path: Path) -> None:
    [export] = [each for each in EXPORTS if each.preset == "paypal"]
    file = tmp_path / "export.csv"
    file.write_text(export.text())
    with regulars.open(":memory:", currency="EUR", clock=lambda: NOW) as crm:
        for name in ("paypal", "paypal-refunds"):
            mapping = preset_for(name, file)
            assert mapping is not None
            assert crm.import_file(file, mapping).rejects == ()
        assert str(crm.customer("mail:ann@example.com").net_spend) == "1039.90"


# --------------------------------------------------------------------------------------------------------------- drafts


@pytest.mark.parametrize(
    ("content", "events", "says"),
    [
        ("Kunde;E-Mail;Datum;Betrag;Nr\nAda;a@example.com;31.12.2025;1.059,90;7\n", 2, "decimal_comma = true"),
        ("id,day,total\n1,2026-01-05,5.00\n", 2, "# Not used: nothing"),
        ("Customer ID,Order ID,Date,Amount\n1,A,12/31/2025,5.00\n", 2, 'format = "%m/%d/%Y"'),
        (
            "Customer ID,Order ID,Date,Amount\n1,A,01/02/2026,5.00\n",
            2,
            '# The days of the first rows also fit "%m/%d/%Y"',
        ),
        ("customer,date,amount\n1,1767607200,-5.00\n", 0, "# Some amounts are negative."),
        ("CustomerID\tInvoiceNo\tInvoiceDate\tPrice\n1\tA\t46027.5\t5\n", 2, 'format = "excel"'),
        ('[{"customer": "a", "date": "2026-01-05", "total": 5}]', 2, 'format = "json"'),
        ('{"customer": "a", "date": "2026-01-05", "total": 5}\n', 2, 'format = "jsonl"'),
        ("姓名,电话,日期,金额\n王小明,13800138000,2026/01/05,59.90\n", 2, 'phone = "{电话}"'),
        ("what,ever\n1,2\n", 1, "# Which column tells one customer from another?"),
    ],
)
def test_a_draft_takes_what_the_header_tells(tmp_path: Path, content: str, events: int, says: str) -> None:
    (tmp_path / "export").write_text(content, encoding="utf-8")
    proposal = propose(tmp_path / "export")
    assert proposal.preset is None
    assert says in proposal.text
    assert taken(tmp_path, content.encode()).events == events


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6), st.lists(st.text(max_size=12), max_size=6))
def test_whatever_the_header_the_draft_is_a_mapping(
    tmp_path_factory: pytest.TempPathFactory, columns: list[str], cells: list[str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "draft"
    file.write_bytes("\n".join(",".join(each) for each in (columns, cells)).encode("utf-8", "replace"))
    try:
        proposal = propose(file)
    except InvalidMapping as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is fine
        return
    assert proposal.text.endswith("\n")


# ---------------------------------------------------------------------------------------------------- the command line


def test_without_a_mapping_one_is_proposed_and_nothing_is_imported(say: Say, tmp_path: Path) -> None:
    [export] = [each for each in EXPORTS if each.preset == "customers"]
    file = tmp_path / "people.csv"
    file.write_text(export.text())
    said = say("import", str(file))
    assert said.status == 1
    assert said.out.startswith("people.csv looks like a list of customers; that is the mapping customers:")
    assert "line 2  RegisterCustomer ref=mail:ann@example.com name=Ann" in said.out
    assert f"to take it so: regulars import {file} --mapping customers" in said.err
    assert not (tmp_path / "regulars.db").exists()
    told = say("import", str(file), "--json").json
    assert (told["preset"], len(told["rows"])) == ("customers", 2)
    assert say("import", str(file), "--mapping", "customers").status == 0
    assert len(say("customers", "--json").json) == 2


@pytest.mark.parametrize(("answer", "status", "known"), [("y\n", 0, 2), ("n\n", 1, 0), ("", 1, 0)])
def test_somebody_at_a_keyboard_is_asked(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, known: int
) -> None:
    [export] = [each for each in EXPORTS if each.preset == "customers"]
    (tmp_path / "people.csv").write_text(export.text())
    monkeypatch.setattr("sys.stdin", Typed(answer))
    said = say("import", str(tmp_path / "people.csv"))
    assert (said.status, "Import it so? [y/N]" in said.err) == (status, True)
    assert len(say("customers", "--json").json) == known if known else "Nothing was imported." in said.err


class Typed(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


def test_a_draft_that_is_saved_is_a_mapping(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("Kunde;E-Mail;Datum;Betrag;Nr\nAda;a@example.com;31.12.2025;1.059,90;7\n")
    said = say("import", str(file))
    assert (said.status, said.widest <= 80) == (1, True)
    assert "save the draft as sales.toml" in said.err
    (tmp_path / "sales.toml").write_text(say("import", str(file), "--json").json["mapping"])
    assert say("import", str(file), "--mapping", str(tmp_path / "sales.toml"), "--currency", "EUR").status == 0


def test_standard_input_needs_a_mapping(say: Say) -> None:
    assert "name its mapping with --mapping" in say("import", "-").err


def test_a_draft_of_nothing_is_a_sentence(say: Say, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    said = say("import", str(tmp_path / "empty.csv"))
    assert (said.status, "has no header to make a mapping of" in said.err) == (1, True)
    assert json.dumps(said.out) == '""'


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"[", b"{", b"BEGIN:VCARD\n", b"PK\x03\x04", b"\xff\xfe", b"\x1f\x8b", b"name,email\n"]),
)
def test_whatever_the_bytes_there_is_a_proposal_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, begin: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "anything"
    file.write_bytes(begin + content)
    with suppress(InvalidMapping):
        assert propose(file).text
