"""What a file may be, before anybody wrote a mapping for it: a preset that its header fits, or else a draft.

A preset is a mapping that comes with the package. It fits a file that has its telling columns, whatever their order and
whatever else is there, in a CSV file with any separator or in a spreadsheet.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from itertools import islice
from pathlib import Path

from msgspec import Struct
from pydantic import ValidationError

from regulars.adapters.importing.drafting import drafted
from regulars.adapters.importing.jsonl import columns_in
from regulars.adapters.importing.mapping import Mapping
from regulars.adapters.importing.source import STANDARD_INPUT, head_of, reading
from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import sentence

SAMPLED = 200
_SEPARATORS = (",", ";", "\t", "|")


class Preset(Struct, frozen=True):
    """A mapping that comes with the package: its name, what it is of, and the columns that tell such a file."""

    name: str
    of: str
    told_by: tuple[str, ...]

    @property
    def text(self) -> str:
        """The mapping as TOML."""
        folder = resources.files("regulars").joinpath("adapters", "importing", "presets")
        return folder.joinpath(f"{self.name}.toml").read_text(encoding="utf-8")


PRESETS = (
    Preset("shopify-orders", "orders of Shopify", ("Name", "Financial Status", "Created at", "Total", "Lineitem name")),
    Preset("shopify-customers", "customers of Shopify", ("First Name", "Last Name", "Email", "Total Orders")),
    Preset("woocommerce-orders", "orders of WooCommerce", ("Order Number", "Order Total Amount", "Email (Billing)")),
    Preset("stripe-payments", "payments of Stripe", ("id", "Created date (UTC)", "Amount", "Customer Email")),
    Preset("paypal", "activity of PayPal", ("Date", "Time", "Gross", "Transaction ID", "From Email Address")),
    Preset("paypal-refunds", "refunds by PayPal", ("Date", "Time", "Gross", "Transaction ID", "Reference Txn ID")),
    Preset("google-contacts", "contacts of Google", ("First Name", "Last Name", "E-mail 1 - Value")),
    Preset("mailchimp-audience", "an audience of Mailchimp", ("Email Address", "First Name", "CONFIRM_TIME")),
    Preset("zendesk-tickets", "tickets of Zendesk", ("Id", "Requester", "Requester email", "Created at")),
    Preset("freshdesk-tickets", "tickets of Freshdesk", ("Ticket ID", "Created time", "Email")),
    Preset("sent-offers", "offers of a campaign that were sent", ("offer_id", "channel", "text")),
    Preset("vcard", "vCards", ("BEGIN:VCARD",)),
    Preset("customers", "a list of customers", ("name", "email")),
)


class Proposal(Struct, frozen=True):
    """A mapping for a file, as TOML: `preset` is the one that fits, None where it was drafted from the header."""

    text: str
    mapping: Mapping
    preset: Preset | None


class _Form(Struct, frozen=True):
    """How a file is to be read: the keys of a mapping that say so, its header, and some of its rows."""

    keys: dict[str, str]
    columns: tuple[str, ...]
    rows: tuple[list[str], ...]


def propose(path: str | Path, catalogue: Catalogue = CATALOGUE) -> Proposal:
    """What a file may be. Raises NotFound where it can't be read, InvalidMapping where nothing can be made of it."""
    if str(path) == STANDARD_INPUT:
        raise InvalidMapping("standard input can be read only once: name its mapping with --mapping")
    form = _form(path)
    for preset in PRESETS:
        if set(preset.told_by) <= set(form.columns):
            text = _in_form(preset.text, form)
            return Proposal(text, _parsed(text, catalogue), preset)
    if not form.columns:
        raise InvalidMapping(f"{path} has no header to make a mapping of")
    text = drafted(form.keys, form.columns, form.rows)
    return Proposal(text, _parsed(text, catalogue), None)


def preset_for(name: str, path: str | Path, catalogue: Catalogue = CATALOGUE) -> Mapping | None:
    """The preset of this name, read in the form that the file has; None where there is no such preset."""
    preset = next((each for each in PRESETS if each.name == name), None)
    if preset is None:
        return None
    text = preset.text if str(path) == STANDARD_INPUT else _in_form(preset.text, _form(path))
    return _parsed(text, catalogue)


def _parsed(text: str, catalogue: Catalogue) -> Mapping:
    try:
        return Mapping.model_validate(tomllib.loads(text), context=catalogue)
    except ValidationError as error:
        raise InvalidMapping(sentence(error)) from None


def _in_form(text: str, form: _Form) -> str:
    """A preset's text for a file that isn't a CSV file with commas."""
    keys = "\n".join(f'{key} = "{_written(value)}"' for key, value in form.keys.items())
    return text if text.count('format = "csv"') != 1 else text.replace('format = "csv"', keys)


def _written(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")


def _form(path: str | Path) -> _Form:
    head = head_of(path)
    start = head.lstrip("\ufeff \t\r\n")
    if start[:11].upper() == "BEGIN:VCARD":
        return _Form({"format": "vcard"}, ("BEGIN:VCARD",), ())
    if start[:1] in ("[", "{"):
        kind = "json" if start.startswith("[") else "jsonl"
        columns = columns_in(start)
        return _Form({"format": kind}, columns, _rows(path, {"format": kind}, columns))
    if head.startswith(("PK\x03\x04", "\udcd0\udccf\x11\udce0")):
        return _tabular(path, {"format": "sheet"})
    first = head.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    return _tabular(path, {"format": "csv"} | ({} if separator == "," else {"delimiter": separator}))


def _tabular(path: str | Path, keys: dict[str, str]) -> _Form:
    header, *rows = _rows(path, keys, ()) or ([],)
    return _Form(keys, tuple(header), tuple(rows))


def _rows(path: str | Path, keys: dict[str, str], columns: tuple[str, ...]) -> tuple[list[str], ...]:
    """The first records of a file, as they are."""
    customer = {"ref": "-", **({"name": "".join(f"{{{each}}}" for each in columns)} if columns else {})}
    probe = Mapping.model_validate({**keys, "customer": customer})
    with reading(path, probe) as source:
        return tuple(record.fields for record in islice(source.records, SAMPLED) if record.problem is None)
