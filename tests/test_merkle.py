"""The Merkle tree hash is that of RFC 6962, and gives what others publish for it."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from regulars.adapters.sealing.merkle import merkle_root

sys.path.insert(0, str(Path(__file__).parent / "independent"))
from seals import tree_hash

# The vectors of the first Certificate Transparency log (google/certificate-transparency, python/ct/crypto/
# merkle_test.py), kept by its successors as LeafInputs and RootHashes (transparency-dev/merkle, testonly/constants.go).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# A leaf by itself: transparency-dev/merkle, rfc6962/rfc6962_test.go ("RFC6962 Leaf").
LEAF = (b"L123456", "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56")


def test_the_published_vectors() -> None:
    assert [merkle_root(LEAVES[:size]).hex() for size in range(9)] == ROOTS
    assert [tree_hash(LEAVES[:size]).hex() for size in range(9)] == ROOTS
    assert merkle_root([LEAF[0]]).hex() == LEAF[1]


@given(st.lists(st.binary(max_size=3), max_size=70))
def test_any_list_has_the_hash_that_the_rfc_defines(entries: list[bytes]) -> None:
    assert merkle_root(entries) == tree_hash(entries)
