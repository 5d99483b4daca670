"""A mapping drafted from a file's header and first rows: a guess is commented, and what isn't known is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from regulars.adapters.importing.amounts import NotAnAmount, read_amount
from regulars.adapters.importing.words import template_columns

# What columns are called, in several languages; the more telling names first.
_WORDS = {
    "email": "email|e-mail|mail|email address|e-mail address|correo|courriel|邮箱|电子邮件",
    "phone": "phone|telephone|mobile|telefon|tel|phone number|teléfono|téléphone|电话|手机",
    "first": "first name|firstname|given name|vorname|prénom",
    "last": "last name|lastname|surname|family name|nachname",
    "name": "name|full name|customer name|client|kunde|nom|nombre|姓名|客户",
    "customer": "customer id|customerid|customer|client id|kundennummer|kundennr|客户编号",
    "order": "order id|orderid|order|order number|invoice|invoiceno|invoice no|bestellnummer|rechnung|nr|订单号",
    "time": "date|day|created at|created|order date|invoicedate|paid at|timestamp|datum|fecha|time|日期",
    "amount": "total|amount|sum|gross|order total|betrag|summe|importe|montant|price|金额",
    "currency": "currency|währung|币种",
}
_DAYS = ("%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%b %d, %Y")
_FORMATS = ("%Y%m%d", *(day + time for time in ("", " %H:%M", " %H:%M:%S") for day in _DAYS))


class _Column(Struct, frozen=True):
    name: str
    cells: tuple[str, ...]


def drafted(keys: dict[str, str], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A mapping as commented TOML for a file that is read with these keys, has these columns, and begins with these
    rows. It is valid, and takes at least the customers.
    """
    found = _found(columns, rows)
    lines = ["# Drafted from the header and the first rows: look through it, try --dry-run.", ""]
    lines += [f"{key} = {_quoted(value)}" for key, value in keys.items()]
    time, amount = found.get("time"), found.get("amount")
    lines.append('zone = "UTC"  # of times that name none: the zone of whoever wrote the file')
    if amount is not None and (comma := _decimal_comma(amount.cells)) is not None:
        lines.append(f"decimal_comma = {'true' if comma else 'false'}")
    who = next((found[key] for key in ("customer", "email", "phone", "name") if key in found), None)
    lines += ["", "[customer]"]
    if who is None:
        who = _Column(columns[0], ())
        lines.append("# Which column tells one customer from another? The first is only a guess.")
    lines.append(f"ref = {_lowered(who.name) if who is found.get('email') else _braced(who.name)}")
    lines += [f"{key} = {_braced(found[key].name)}" for key in ("name", "email", "phone") if key in found]
    if "name" not in found and {"first", "last"} <= found.keys():
        both = f"{_hole(found['first'].name)} {_hole(found['last'].name)}"
        lines.append(f"name = {_quoted(both)}")
    if time is not None and amount is not None:
        lines += _purchase(found, time, amount)
    elif amount is not None or time is not None:
        lines += ["", "# An order needs a time and an amount; only one of them was found in the header."]
    named = {column for line in lines for column in _columns_in(line)}
    lines += ["", f"# Not used: {', '.join(each for each in columns if each not in named) or 'nothing'}"]
    return "\n".join(re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", line) for line in lines) + "\n"


def _purchase(found: dict[str, _Column], time: _Column, amount: _Column) -> list[str]:
    lines = ["", "[[command]]", 'do = "RecordPurchase"', "", "[command.fields]"]
    if "order" in found:
        lines.append(f"order_id = {_braced(found['order'].name)}")
    else:
        lines.append("# Without a column for order_id, a row is told by all that it says.")
    formats = _formats(time.cells)
    if len(formats) > 1:
        others = " or ".join(f'"{each}"' for each in formats[1:])
        lines.append(f"# The days of the first rows also fit {others}: which is it?")
    written = f", format = {_quoted(formats[0])}" if formats else ', format = "iso"  '
    lines.append(f"occurred_at = {{ column = {_quoted(time.name)}{written.rstrip()} }}")
    lines.append(f'amount = {{ column = {_quoted(amount.name)}, money = "major" }}')
    if "currency" in found:
        lines.append(f"currency = {_braced(found['currency'].name)}")
    if any(cell.startswith(("-", "(", "\u2212")) for cell in amount.cells):
        lines += ["# Some amounts are negative. Are they returns? RecordReturn takes them."]
    return lines


def _found(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, _Column]:
    """The column for each meaning, by its name; no column has two meanings."""
    found: dict[str, _Column] = {}
    taken: set[str] = set()
    usable = {each for each in columns if each and columns.count(each) == 1 and not set("{}\r\n") & set(each)}
    for meaning, words in _WORDS.items():
        plain = {re.sub(r"[_\s]+", " ", each).strip().lower(): each for each in columns if each in usable - taken}
        name = next((plain[word] for word in words.split("|") if word in plain), None)
        if name is not None:
            at = list(columns).index(name)
            cells = tuple(row[at] for row in rows if at < len(row) and row[at])
            found[meaning] = _Column(name, cells)
            taken.add(name)
    return found


def _formats(cells: Iterable[str]) -> list[str]:
    """The date formats that all of these cells fit; none where they are ISO 8601, or nothing fits."""
    cells = list(cells)
    if not cells or _all(cells, datetime.fromisoformat):
        return []
    if all(re.fullmatch(r"[0-9]{5}(\.[0-9]+)?", cell) for cell in cells):
        return ["excel"]
    if all(re.fullmatch(r"[0-9]{10}", cell) for cell in cells):
        return ["epoch"]
    if all(re.fullmatch(r"[0-9]{13}", cell) for cell in cells):
        return ["epoch_ms"]
    return [each for each in _FORMATS if _all(cells, lambda cell: datetime.strptime(cell, each))]  # noqa: B023, DTZ007


def _all(cells: Iterable[str], parse: Callable[[str], object]) -> bool:
    try:
        for cell in cells:
            parse(cell)
    except ValueError:
        return False
    return True


def _decimal_comma(cells: Iterable[str]) -> bool | None:
    """Which sign is the decimal one in all of these amounts, where it matters."""
    fits = {}
    for comma in (False, True):
        try:
            fits[comma] = [read_amount(cell, decimal_comma=comma).amount for cell in cells]
        except NotAnAmount:
            continue
    return next(iter(fits)) if len(fits) == 1 and _unclear(cells) else None


def _unclear(cells: Iterable[str]) -> bool:
    try:
        for cell in cells:
            read_amount(cell)
    except NotAnAmount:
        return True
    return False


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def _hole(column: str) -> str:
    return "{" + column + "}"


def _braced(column: str) -> str:
    return _quoted(_hole(column))


def _lowered(column: str) -> str:
    return f'{{ text = {_quoted("mail:" + _hole(column))}, case = "lower" }}'


def _columns_in(line: str) -> Sequence[str]:
    """The columns that a line of the draft names."""
    told = re.findall(r'column = "((?:[^"\\]|\\.)*)"', line)
    for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line):
        try:
            told += template_columns(text.replace('\\"', '"').replace("\\\\", "\\"))
        except ValueError:
            continue
    return told
