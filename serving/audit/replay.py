"""A decision, or a whole night, made again from its record: the same, or exactly what differs.

Scores come from the recorded features and the model of the recorded hash, decisions from the
recorded rows, the recorded policy and what the night's run kept of everybody.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.progress import SILENT, Progress
from features.workspace import Workspace
from proactive_rules.collective import collective_from_data
from proactive_rules.decide import decide, decide_again
from serving.audit.comparison import Compared, Difference, compare
from serving.audit.environment import environment
from serving.audit.looks import put_look
from serving.audit.reading import Missing, RecordedNight, Records, together
from serving.audit.record import Parts, listed_only, situation_of
from serving.audit.rescoring import rescore

#: Made from the lists before, not from the night.
_FROM_OTHER_LISTS = "on_list_since"
#: Among all of the night: only a whole night has it again.
_RANK = "rank"


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of making recorded decisions again.

    Attributes
    ----------
    asked, same : decisions asked for, and those that came out the same in every field.
    at_margin : of them, those that what was left of the limits decided: their record says so, and
        a whole night shows it.
    differences : by field.
    missing : what could not be read, and why.
    environment : by name, recorded and now, where they are not the same.
    notes : what could not be compared.
    """

    asked: int
    same: int
    at_margin: int
    differences: tuple[Difference, ...]
    missing: tuple[Missing, ...]
    environment: dict[str, tuple[str, str]]
    notes: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether everything asked for was made again, to the last bit."""
        return self.same == self.asked

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def replay_decisions(records: Records, workspace: Workspace, ids: Sequence[str]) -> Replayed:
    """Make decisions again, each from its own record and what its night's run kept.

    Raises
    ------
    NotReady : nothing is on record. BrokenRecord : a record is damaged.
    """
    found, missing = records.of_decisions(ids)
    each = [_again(workspace, one.night, listed_only(one.parts)) for one in found]
    return _joined(each, missing, len(ids))


def replay_night(
    records: Records, workspace: Workspace, as_of: date, progress: Progress = SILENT
) -> Replayed:
    """Make all decisions of a night again, the sharing-out of its limits included.

    Where somebody was erased since, what he took of the limits is not known any more: then each of
    the others is made again on its own.
    """
    night = records.night_of(as_of)
    read: list[Parts] = []
    missing: list[Missing] = []
    with progress.step("Reading records", total=night.count) as step:
        for found, gone in records.of_night(night):
            missing += gone
            if found.payloads:
                read.append(found.parts)
            step.advance(len(found.payloads) + len(gone))
    if not read:
        return _joined([], missing, len(missing))
    parts = together(read)
    whole = situation_of(parts, night.body) if not missing else None
    again = _again(
        workspace, night, listed_only(parts), decide(whole, night.policy).table if whole else None
    )
    return _joined([again], missing, again.asked + len(missing))


@dataclass(frozen=True, kw_only=True)
class _Again:
    asked: int
    at_margin: int
    compared: Compared
    environment: dict[str, tuple[str, str]]
    notes: tuple[str, ...]


def _again(
    workspace: Workspace, night: RecordedNight, parts: Parts, whole: pa.Table | None = None
) -> _Again:
    """Make records of one night again: from `whole` where all was decided anew, else each alone."""
    body, ids = night.body, parts.decision_id.to_pylist()
    scored = rescore(workspace, night, parts)
    decided = _alone(night, parts) if whole is None else whole
    left_out = {_FROM_OTHER_LISTS, *body["run"]["decided_from"]} | (
        {_RANK} if whole is None else set()
    )
    names = [name for name in decided.column_names if name not in left_out]
    place = pc.index_in(parts.customer_id, decided["customer_id"].combine_chunks())
    compared = compare(parts.decision, decided.take(place), names, ids)
    recorded, now = body["environment"], environment()
    return _Again(
        asked=len(ids),
        at_margin=pc.sum(parts.decision["at_margin"]).as_py() or 0,
        compared=scored.compared + compared,
        environment={n: (recorded.get(n, ""), now[n]) for n in now if recorded.get(n) != now[n]},
        notes=scored.notes,
    )


def _alone(night: RecordedNight, parts: Parts) -> pa.Table:
    """Decide again for some customers, with what the night's run kept of everybody."""
    collective = collective_from_data(night.body["run"]["collective"])
    earlier = parts.decision.select(["customer_id", "at_margin", "action", "channel"])
    situation = situation_of(parts, night.body)
    return decide_again(situation, night.policy, collective, earlier).table


def _joined(each: Sequence[_Again], missing: Sequence[Missing], asked: int) -> Replayed:
    return Replayed(
        asked=asked,
        same=sum(int((~one.compared.differing).sum()) for one in each),
        at_margin=sum(one.at_margin for one in each),
        differences=tuple(d for one in each for d in one.compared.differences),
        missing=tuple(missing),
        environment={name: pair for one in each for name, pair in one.environment.items()},
        notes=tuple(dict.fromkeys(note for one in each for note in one.notes)),
    )


def replayed(workspace: Workspace, what: Sequence[str], progress: Progress) -> Replayed:
    """Make a night (a date, or `latest`) or decisions (their ids) again, and record who asked.

    Raises
    ------
    NotReady : there is no such night on record.
    """
    records = Records(workspace)
    nights = records.nights()
    day = nights[-1].as_of if list(what) == ["latest"] and nights else _day(what)
    if day:
        put_look(records.ledger, "audit replay", nights=[records.night_of(day).entry.seq])
        return replay_night(records, workspace, day, progress)
    found, _ = records.of_decisions(what)
    put_look(records.ledger, "audit replay", [place for one in found for place in one.places])
    return replay_decisions(records, workspace, what)


def _day(what: Sequence[str]) -> date | None:
    try:
        return date.fromisoformat(what[0]) if len(what) == 1 else None
    except ValueError:
        return None
