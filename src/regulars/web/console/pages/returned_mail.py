"""Mail that came back of offers, as a file that is handed in: bounces, and who unsubscribes; read by a job."""

from __future__ import annotations

from regulars.adapters.importing.source import require_bounds
from regulars.crm import Regulars
from regulars.crm_domain.offer import RecordOfferBounced
from regulars.sending.values import ReturnsReport
from regulars.web.console.acts import require
from regulars.web.console.handed_in import Files, HandedIn
from regulars.web.console.jobs import Job, Moved
from regulars.web.console.page import Asked


def begin(asked: Asked) -> None:
    """Begin to read the file that was handed in."""
    require(asked, RecordOfferBounced)
    upload = asked.files.get("file")
    if upload is None:
        raise ValueError(asked._("Choose a file first."))
    require_bounds(upload.path)
    crm, files = asked.crm, asked.beside.files
    file = files.keep(asked.user, upload.name, upload.path)
    try:
        asked.beside.jobs.begin(_of(asked), "returned", asked.user, lambda move: _taken(crm, files, file, move))
    except Exception:
        files.discard(file.id)
        raise


def job_of(asked: Asked) -> Job | None:
    """How reading the last file of this user stands."""
    return asked.beside.jobs.find(_of(asked))


def _of(asked: Asked) -> str:
    """One file at a time for each user."""
    return f"mail that came back, of {asked.user}"


def _taken(crm: Regulars, files: Files, file: HandedIn, move: Moved) -> ReturnsReport:
    try:
        return crm.campaigns.take_returned(file.path, on_progress=lambda done, total, mails: move(done, total))
    finally:
        files.discard(file.id)
