"""What two versions of a model made of the same texts, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from pydantic import ValidationError

from regulars.asking.feed import follow_log
from regulars.crm_domain.assessment import AssessmentRecorded, RecordAssessment
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.explain_invalid import sentence
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.estimate import Estimate, share


@dataclass(frozen=True, slots=True)
class AssessmentChange:
    """A text that two versions assess differently: the position of its event, when it was said, and both words."""

    about: int
    said_at: datetime
    customer_id: CustomerId
    kind: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class AssessmentDifference:
    """What two versions made of the texts that both assessed, each text once for each kind.

    `agreement` is the share of those on which they say the same, with its interval; `only_old` and `only_new` are how
    many one of them alone assessed. `changes` are in order of the texts, and `moved[kind, old, new]` counts them.
    """

    old_version: str
    new_version: str
    agreement: Estimate
    only_old: int
    only_new: int
    changes: tuple[AssessmentChange, ...]

    @property
    def moved(self) -> Mapping[tuple[str, str, str], int]:
        """How many texts moved from which word to which, by kind; the most frequent first."""
        return dict(Counter((each.kind, each.old, each.new) for each in self.changes).most_common())


#: The position of what is assessed, and the kind.
_Text = tuple[int, str]


def assessment_of(position: int, kind: str, value: str, model: str | None, version: str | None) -> RecordAssessment:
    """An assessment as a command. Raises Rejected for what is no position or no word."""
    try:
        return RecordAssessment(about=str(position), kind=kind, value=value, model=model, version=version)
    except ValidationError as error:
        raise Rejected("invalid", f"RecordAssessment: {sentence(error)}") from None


@traced("compare assessments")
def compare_versions(session: Session, old: str, new: str, kind: str | None) -> AssessmentDifference:
    """What the last words of two versions on each text come to. Raises NotFound for a version that said nothing."""
    found: dict[str, list[Recorded[AssessmentRecorded]]] = {old: [], new: []}
    for recorded in follow_log(session, 0, AssessmentRecorded, None):
        event = recorded.event
        if isinstance(event, AssessmentRecorded) and event.version in found and kind in (None, event.kind):
            found[event.version].append(recorded)  # type: ignore[arg-type] # its event was looked at
    for version, said in found.items():
        if not said:
            of_kind = "" if kind is None else f' of the kind "{kind}"'
            raise NotFound(f'no assessment{of_kind} is of version "{version}"')
    before, after = (_last_words(found[version]) for version in (old, new))
    both = sorted(before.keys() & after.keys())
    changes = tuple(
        _change(before[text], after[text]) for text in both if before[text].event.value != after[text].event.value
    )
    return AssessmentDifference(
        old_version=old,
        new_version=new,
        agreement=share(len(both) - len(changes), len(both)),
        only_old=len(before.keys() - after.keys()),
        only_new=len(after.keys() - before.keys()),
        changes=changes,
    )


def _last_words(said: list[Recorded[AssessmentRecorded]]) -> dict[_Text, Recorded[AssessmentRecorded]]:
    in_order = sorted(said, key=lambda each: (each.occurred_at, msgspec.json.encode(each.event)))
    return {(each.event.about, each.event.kind): each for each in in_order}


def _change(old: Recorded[AssessmentRecorded], new: Recorded[AssessmentRecorded]) -> AssessmentChange:
    return AssessmentChange(
        about=new.event.about,
        said_at=to_datetime(new.event.said_at),
        customer_id=CustomerId(new.customer_id),
        kind=new.event.kind,
        old=old.event.value,
        new=new.event.value,
    )
