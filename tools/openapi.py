"""Write docs/openapi.json afresh: what the HTTP API of a store without extensions says of itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from regulars.crm_domain.catalogue import COMMANDS
from regulars.web.api.openapi import document
from regulars.web.limits import Limits

PATH = Path("docs/openapi.json")


def text() -> str:
    """The document as it is checked in."""
    return json.dumps(document(COMMANDS, Limits()), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document."""
    PATH.write_text(text(), encoding="utf-8")
    print(f"wrote {PATH}", file=sys.stderr)


if __name__ == "__main__":
    main()
