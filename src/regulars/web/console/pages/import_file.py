"""Importing: a file is handed in, recognised, tried out, and imported, each step with what came of it.

`/import` takes a file, and `/import/{file}` is where it stands. What is to be done with it is sent there as a form; the
work goes on in the background, and the page says how far it is. Files are their user's alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from regulars.adapters.importing import Mapping
from regulars.adapters.importing.source import require_bounds
from regulars.adapters.vault.quarantine import Reject
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import InvalidMapping
from regulars.doing.importing import ImportReport, Recognised, RecognisedRow
from regulars.web.access.permissions import allows
from regulars.web.console.handed_in import HandedIn
from regulars.web.console.jobs import Moved
from regulars.web.console.page import Answer, Asked, File, GoTo, Page, Refused, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_
from regulars.wording.spreadsheet_cells import harmless, harmless_first

SHOWN = 10
_ACTS = ("try", "import", "look", "stop", "discard")

#: What a job of a file does, as it is kept with the job.
TRY, IMPORT = "try", "import"


def hand_in(asked: Asked) -> Answer:
    """The form that takes a file, and the files of this user that wait."""
    problem = ""
    if asked.sent:
        upload = asked.files.get("file")
        if upload is not None:
            require_bounds(upload.path)
            file = asked.beside.files.keep(asked.user, upload.name, upload.path)
            return GoTo(address=asked.links.to(f"/import/{file.id}"))
        problem = asked._("Choose a file first.")
    values = {"files": [(each, asked.beside.jobs.find(each.id)) for each in _own(asked)], "problem": problem}
    return Shown(template="import.html", values=values, status=400 if problem else 200)


def show(asked: Asked) -> Answer:
    """Where a file stands, and what is to be done with it."""
    file = asked.beside.files.find(asked.at["file"], asked.user)
    act = one_of(asked, "act", _ACTS) if asked.sent else None
    if act == "discard":
        asked.beside.jobs.stop(file.id)
        asked.beside.files.discard(file.id)
        return GoTo(address=asked.links.to("/import"), said=asked._("The file was discarded."))
    if act == "stop":
        asked.beside.jobs.stop(file.id)
        return GoTo(address=_address(asked, file))
    try:
        recognised = _recognised(asked, file) if act is not None else None
        if recognised is not None and act != "look":
            _begin(asked, file, recognised.mapping, rehearse=act == TRY)
            asked.beside.files.note(file.id, recognised.text)
            return GoTo(address=_address(asked, file))
        return _shown(asked, file, recognised)
    except InvalidMapping as error:
        return _shown(asked, file, None, str(error))


def refused(asked: Asked) -> Answer:
    """The rows that were refused, as a file."""
    file = asked.beside.files.find(asked.at["file"], asked.user)
    job = asked.beside.jobs.find(file.id)
    rejects = job.result.rejects if job is not None and isinstance(job.result, ImportReport) else ()
    return File(name="refused-rows.csv", kind="text/csv; charset=utf-8", content=_csv(rejects))


def _own(asked: Asked) -> tuple[HandedIn, ...]:
    return asked.beside.files.of(asked.user)


def _address(asked: Asked, file: HandedIn) -> str:
    return asked.links.to(f"/import/{file.id}")


def _shown(asked: Asked, file: HandedIn, recognised: Recognised | None, problem: str = "") -> Shown:
    job = asked.beside.jobs.find(file.id)
    if job is None and not problem and recognised is None:
        try:
            recognised = asked.crm.recognise(file.path)
        except InvalidMapping as error:
            problem = str(error)
    values = {
        "file": file,
        "job": None if recognised is not None or problem else job,
        "recognised": recognised,
        "first": [] if recognised is None else [(each.line, _taken_as(each)) for each in recognised.first],
        "mapping": recognised.text if recognised is not None else asked.form.get("mapping", ""),
        "problem": problem[:1].upper() + problem[1:],
        "most": SHOWN,
    }
    return Shown(template="import_file.html", values=values, status=400 if problem else 200, fragment="work")


def _recognised(asked: Asked, file: HandedIn) -> Recognised:
    text = asked.form.get("mapping", file.mapping).replace("\r\n", "\n")
    recognised = asked.crm.recognise(file.path, mapping=text or None)
    for each in recognised.mapping.command:
        if not allows(asked.role, each.do):
            raise Refused(asked._("Your role may not import what a row would record: {name}.").format(name=each.do))
    return recognised


def _begin(asked: Asked, file: HandedIn, mapping: Mapping, *, rehearse: bool) -> None:
    asked.beside.jobs.begin(
        file.id, TRY if rehearse else IMPORT, asked.user, _importing(asked, file, mapping, rehearse=rehearse)
    )


def _importing(asked: Asked, file: HandedIn, mapping: Mapping, *, rehearse: bool) -> Callable[[Moved], ImportReport]:
    def work(move: Moved) -> ImportReport:
        report = asked.crm.import_file(
            file.path,
            mapping,
            dry_run=rehearse,
            known_as=f"handed in: {file.name}",
            on_progress=lambda done, total, rows: move(done, total),
        )
        if not rehearse:
            asked.beside.files.empty(file.id)
        return report

    return work


def _taken_as(row: RecognisedRow) -> list[str]:
    return [row.problem] if row.problem else [_written(each) for each in row.commands]


def _written(command: Command) -> str:
    fields = command.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return " ".join([type(command).__name__, *(f"{name}={value}" for name, value in fields.items())])


def _csv(rejects: tuple[Reject, ...]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("line", "reason", "row"))
    for each in rejects:
        writer.writerow([each.line, harmless_first(each.reason), harmless(each.text)])
    return text.getvalue().encode("utf-8-sig", "replace")


PAGE = Page(
    path="/import",
    title=N_("Import"),
    handler=hand_in,
    role="clerk",
    in_navigation=True,
    sends=True,
    takes_files=True,
    is_of_today=True,
)
FILE = Page(path="/import/{file}", title=N_("Import"), handler=show, role="clerk", sends=True, is_of_today=True)
REFUSED = Page(path="/import/{file}/refused", title=N_("Refused rows"), handler=refused, role="clerk", is_of_today=True)
