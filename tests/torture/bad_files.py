"""Files for the importer that were good before something happened to them."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from regulars import Regulars
from regulars.crm_domain.errors import InvalidMapping
from torture.hostile import TEXTS
from torture.killed_imports import MAPPING
from torture.shop import opened, require_sound
from torture.tally import Tally
from torture.trying import require_sentence, shop, tried

CSV_TEXT = "customer,name,order,amount,member\n" + "".join(
    f'{number},"Nobody, {number}",A-{number},{number}.50,{"yes" if number % 2 else "no"}\n' for number in range(12)
)
JSONL_MAPPING = MAPPING.replace('format = "csv"', 'format = "jsonl"')
JSONL_TEXT = "".join(
    json.dumps(
        {"customer": number, "name": f"Nöbody {number}", "order": f"J-{number}", "amount": "5.00", "member": "no"}
    )
    + "\n"
    for number in range(12)
)
ENCODINGS = ("utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252", "utf-7", "cp037")
SNIPPETS = (
    *(
        b"\0",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\x80",
        b'"',
        b"'",
        b",",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\x1a",
        b"\x85",
    ),
    *(
        b'"' * 1_001,
        b"," * 2_000,
        b"\n" * 2_000,
        b"x" * 200_000,
        b'"' + b"y" * 200_000,
        b"\xe2\x80\xa8",
        b"=1+1",
        b"{",
        b"[" * 50_000,
    ),
    *(
        b'{"customer": {"a": 1}}\n',
        b'{"amount": 1e999999999}\n',
        b'{"amount": 1, "amount": 2}\n',
        b"null\n",
        b"[]\n",
        b"NaN\n",
    ),
    *(text.encode("utf-8", "surrogatepass")[:1_000] for text in TEXTS),
)
#: What is done to a file: its kind, where (a part of a thousand), and with what.
Mutation = tuple[str, int, bytes]
mutations = st.lists(
    st.tuples(
        st.sampled_from(
            ["insert", "insert", "insert", "replace", "cut", "double", "swap", "encode", "header", "no header"]
        ),
        st.integers(0, 1_000),
        st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=30)),
    ),
    min_size=1,
    max_size=4,
)


def mutate(content: bytes, mutation: Mutation) -> bytes:
    """The content after something happened to it."""
    kind, where, snippet = mutation
    at = len(content) * where // 1_000
    lines = content.splitlines(keepends=True)
    match kind:
        case "insert":
            return content[:at] + snippet + content[at:]
        case "replace":
            return content[:at] + snippet + content[at + len(snippet) :]
        case "cut":
            return content[:at]
        case "double":
            return content[:at] + content[at // 2 :]
        case "swap":
            return content[at:] + content[:at]
        case "header":
            return b"".join([*lines[:1], *lines])
        case "no header":
            return b"".join(lines[1:])
        case _:
            encoding = ENCODINGS[where % len(ENCODINGS)]
            return content.decode("utf-8", "replace").encode(encoding, "replace")


def hostile_files(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """Files that were CSV or JSON lines before something happened to them, also compressed ones."""
    with shop(kind, server) as (url, folder), opened(url) as crm:
        (folder / "csv.toml").write_text(MAPPING)
        (folder / "jsonl.toml").write_text(JSONL_MAPPING)
        example = st.tuples(st.sampled_from(["csv", "jsonl"]), mutations, st.integers(0, 9))
        tried(example, lambda each: _bring_in(crm, folder, *each), rounds, dice)
        wide = folder / "wide.csv"
        for line in (b"customer,name,order,amount,member\n" + b"," * 1_000_000, b"a," * 1_000_000 + b"\n1\n"):
            wide.write_bytes(line)
            with suppress(InvalidMapping):
                crm.import_file(wide, folder / "csv.toml")
        require_sound(crm)
    return Tally(rounds=rounds, faults=rounds + 2)


def _bring_in(crm: Regulars, folder: Path, form: str, done: list[Mutation], packed: int) -> None:
    content = (CSV_TEXT if form == "csv" else JSONL_TEXT).encode()
    for mutation in done:
        content = mutate(content, mutation)
    path = folder / f"file.{form}"
    if packed < 2:
        path = folder / f"file.{form}.gz"
        whole = gzip.compress(content, mtime=0)
        content = whole[: len(whole) * 2 // 3] if packed else whole
    path.write_bytes(content)
    try:
        report = crm.import_file(path, folder / f"{form}.toml")
    except InvalidMapping as error:
        require_sentence(error)
        return
    assert report.rejected == len(report.rejects) <= report.rows
    for reject in report.rejects:
        assert reject.reason
        assert "\n" not in reject.reason
        reject.text.encode()
    again = crm.import_file(path, folder / f"{form}.toml")
    assert (again.events, again.rows, again.rejected) == (0, report.rows, report.rejected)
    assert [each.reason for each in crm.rejects() if each.source == path.name] == [
        each.reason for each in again.rejects
    ]
