"""The seals of a store, worked out from its tables alone: no part of the library is used here.

Another way to the same hashes, to hold the library's against, from what ADR 13 says about them.

    python tests/independent/seals.py shop.db

prints the root of each seal as it should be, with its number and the last position it covers.
"""

import sqlite3
import sys
from contextlib import closing
from hashlib import sha256

COLUMNS = (
    *("stream_id", "version", "category", "customer_id", "type", "occurred_at", "recorded_at", "actor"),
    *("correlation_id", "causation_id", "command_id", "payload", "secret"),
)


def tree_hash(entries):
    """MTH(D[n]), word for word as in RFC 6962, section 2.1."""
    n = len(entries)
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while 2 * k < n:
        k *= 2
    return sha256(b"\x01" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def entry(row):
    """The position of an event, and the SHA-256 of everything else, as one string of bytes."""
    told = b""
    for name in COLUMNS:
        value = row[name]
        if value is not None:
            kind = {str: b"t", int: b"i", bytes: b"b"}[type(value)]
            data = {str: str.encode, int: eight_bytes, bytes: bytes}[type(value)](value)
            told += bytes([len(name)]) + name.encode() + kind + len(data).to_bytes(4, "big") + data
    return eight_bytes(row["position"]) + sha256(told).digest()


def eight_bytes(number):
    return number.to_bytes(8, "big", signed=True)


def roots(founding_rules, seals, events):
    """The chain hash that each seal should have: rows are mappings, in order of number and of position."""
    chain = sha256(b"regulars founding rules\x00" + founding_rules).digest()
    found = []
    for seal in seals:
        block = [row for row in events if seal["first"] <= row["position"] <= seal["last"]]
        covered = (seal["number"], block[0]["position"], block[-1]["position"], len(block))
        root = tree_hash([entry(row) for row in block])
        numbers = b"".join(map(eight_bytes, covered))
        chain = sha256(b"regulars seal\x00" + chain + numbers + root + eight_bytes(seal["sealed_at"])).digest()
        found.append(chain)
    return found


def main(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        (founding,) = connection.execute("SELECT value FROM regulars_settings WHERE name = 'founding_rules'").fetchone()
        seals = connection.execute("SELECT * FROM regulars_seals ORDER BY number").fetchall()
        events = connection.execute("SELECT * FROM regulars_events ORDER BY position").fetchall()
    for seal, root in zip(seals, roots(founding, seals, events), strict=True):
        sys.stdout.write(f"{seal['number']} {seal['last']} {root.hex()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
