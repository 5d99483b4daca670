"""The templates: one environment a language, made once. Nothing undefined is shown, and everything is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Macro

from regulars.web.console.words import LANGUAGES, catalogue, translated

HERE = Path(__file__).parent
STATIC = HERE / "static"


class Templates:
    """The templates of a console."""

    def __init__(self) -> None:
        self._environments = {language: _environment(language) for language in LANGUAGES}

    def shown(self, language: str, name: str, values: Mapping[str, Any], block: str | None = None) -> str:
        """A page, or the block of it that is asked for."""
        template = self._environments[language].get_template(name)
        if block is None:
            return template.render(values)
        return "".join(template.blocks[block](template.new_context(dict(values))))


@cache
def digest_of(name: str) -> str:
    """The digest of a file that browsers keep."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    known = catalogue(language)
    environment.install_gettext_callables(known.gettext, known.ngettext, newstyle=True)  # type: ignore[attr-defined]
    # Of what isn't written in the template, `_` would take % for a placeholder, and < for markup.
    environment.filters["translated"] = partial(translated, language)
    environment.filters["word"] = lambda word: translated(language, str(word).replace("_", " "))
    # Not imported at the top of a page: where a block of it is shown alone, the top isn't run.
    parts = environment.get_template("parts.html").module
    environment.globals.update({name: part for name, part in vars(parts).items() if isinstance(part, Macro)})
    return environment
