"""What MkDocs doesn't do for docs/ by itself: links into the source become text, and nothing remote gets in."""

from __future__ import annotations

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_LINK = re.compile(r"\[([^\]]+)\]\(((?!https?:)[^)#\s]+)(#[^)\s]*)?\)")
#: What a browser loads by itself. An `a` may lead anywhere.
_LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Name the files of the source that a page links to: the site has docs/ alone."""
    folder = posixpath.dirname(page.file.src_uri)

    def told(link: re.Match[str]) -> str:
        text, target, _ = link.groups()
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        if path == "docs" or path.startswith("docs/"):
            return link[0]
        return text if path in text else f"{text} (`{path}`)"

    return _LINK.sub(told, markdown)


class _Loads(HTMLParser):
    """What a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag loads, if it is no file of the site."""
        values = dict(attrs)
        target = values.get(_LOADED.get(tag, "")) or ""
        if re.match(r"(https?:)?//", target) and values.get("rel") != "canonical":
            self.remote.append(target)


def on_post_build(config: Any, **_: Any) -> None:
    """Refuse a site that would load anything from elsewhere."""
    site = Path(config["site_dir"])
    for page in sorted(site.rglob("*.html")):
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        if loads.remote:
            raise PluginError(f"{page.relative_to(site)} would load {', '.join(loads.remote)}")
    for sheet in sorted(site.rglob("*.css")):
        if found := re.search(r"(?:url\(|@import)\s*[\"']?(https?:)?//[^)\"']*", sheet.read_text(encoding="utf-8")):
            raise PluginError(f"{sheet.relative_to(site)} would load {found[0]}")
