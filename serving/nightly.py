"""The night: from accepted data to the list that people open, step by step, safe to repeat.

Each step leaves files that are whole or absent, named after everything they were made from; a
night that was killed anywhere goes on where it stopped and ends with the same bytes.
"""

from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from features.errors import Conflict, NotReady
from features.progress import SILENT, Progress
from features.whole import lease
from features.workspace import Workspace
from serving.earlier_lists import EarlierList, list_before, open_list
from serving.night import Night, open_night
from serving.publish import draft_folder, predecessor, publish, show_latest
from serving.stopwatch import Stopwatch

#: A list with less than this part of the last one's customers is not published by itself.
LEAST_PART = 0.5


@dataclass(frozen=True, kw_only=True)
class NightlyReport:
    """What a night did and where its list lies."""

    status: Literal["written", "already_done"]
    as_of: date
    folder: Path
    fingerprint: str
    counts: dict[str, Any] = field(default_factory=dict)
    warnings: list[dict[str, str]] = field(default_factory=list)
    supersedes: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for machines."""
        return {
            name: value if isinstance(value, (dict, list, str)) or value is None else str(value)
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, kw_only=True)
class NightlyChoices:
    """What the user allows a night to do beyond the usual."""

    supersede: bool = False
    allow_stale: bool = False
    allow_small: bool = False


def nightly(
    workspace: Workspace,
    as_of: date | None = None,
    *,
    choices: NightlyChoices | None = None,
    progress: Progress = SILENT,
) -> NightlyReport:
    """Score everyone as of a date, decide, and write the list; a finished night is never redone.

    Parameters
    ----------
    as_of : the date; the first local midnight from the newest data on, where not given.
    choices : whether to supersede a finished list, or to go on with old or far fewer data.

    Raises
    ------
    Conflict : the date has a list made from something else; another night is at work; or the list
        would be much shorter than the last one.
    NotReady : nothing was ingested, or nobody is there to be listed.
    BadInput : a source is older than `fresh_within` allows.
    """
    allowed = choices or NightlyChoices()
    from serving.steps import tidy

    with lease(workspace.state / "nightly.lock", "forestay nightly"):
        watch = Stopwatch()
        with watch.time("open"):
            night = open_night(workspace, as_of, allow_stale=allowed.allow_stale)
        with watch.time("snapshot"):
            _build_snapshot(night, progress)
        finished = open_list(workspace.lists, night.as_of)
        if finished and finished.fingerprint == night.fingerprint:
            show_latest(workspace.lists)
            _answer_for(night, progress)
            _log_watch(night)
            tidy(night)
            return _report(night, finished, "already_done")
        if finished and not allowed.supersede:
            raise _another_list(night, finished)
        folder = _make(night, watch, progress, allow_small=allowed.allow_small)
        made = open_list(workspace.lists, night.as_of)
        assert made is not None, folder  # noqa: S101 - it has just been put there
        return _report(night, made, "written")


def _make(night: Night, watch: Stopwatch, progress: Progress, *, allow_small: bool) -> Path:
    from serving.audit.expiring import expire
    from serving.audit.recording import record_night
    from serving.online.standing_written import show_standing, write_standing
    from serving.scores import score_all
    from serving.steps import decide_all, tidy
    from serving.writing import write_list

    lists = night.workspace.lists
    before = list_before(lists, night.as_of)
    with watch.time("score"):
        score_all(night, progress)
    with watch.time("decide"):
        decided = decide_all(night, before)
    _require_volume(night, decided.table, before, allow_small=allow_small)
    # Not before the list is known to be right: an online store that went ahead never goes back.
    with watch.time("materialise"):
        _load_online(night, progress)
    # Nobody sees a decision that is not on record.
    with watch.time("record"):
        record_night(night, decided, progress)
    with watch.time("write"):
        draft = draft_folder(lists, night.as_of)
        write_list(night, decided, before, draft, supersedes=predecessor(lists, night.as_of))
        write_standing(night, decided.table)
    watch.write(draft / "run.json")
    folder = publish(lists, night.as_of, draft)
    show_standing(night)
    _log_watch(night)
    expire(night.workspace)
    tidy(night)
    return folder


def _log_watch(night: Night) -> None:
    """Lay what was watched beside the models, where data scientists look."""
    from serving.models.watch_log import log_watch

    made = open_list(night.workspace.lists, night.as_of)
    if made is not None and "watch" in made.summary and night.champions:
        log_watch(night.workspace, made)


def _load_online(night: Night, progress: Progress) -> None:
    from features.feature_store import materialize

    materialize(
        night.workspace,
        night.catalogue,
        night.as_of,
        received=night.accepted.received,
        progress=progress,
    )


def _answer_for(night: Night, progress: Progress) -> None:
    """Give the service the answers of a finished night, where a kill or an old version did not."""
    from serving.online.standing_written import has_standing, show_standing, write_standing
    from serving.scores import score_all
    from serving.steps import decide_all

    _load_online(night, progress)  # it may lie elsewhere by now
    if not has_standing(night):
        score_all(night, progress)
        before = list_before(night.workspace.lists, night.as_of)
        write_standing(night, decide_all(night, before).table)
    show_standing(night)


def _build_snapshot(night: Night, progress: Progress) -> None:
    from features.snapshots import build_snapshots

    build_snapshots(night.workspace, night.accepted, [night.as_of], progress)


def _require_volume(
    night: Night, decided: pa.Table, before: EarlierList | None, *, allow_small: bool
) -> None:
    if decided.num_rows == 0:
        raise NotReady(
            f"list of {night.as_of}",
            "no customer is active as of that date",
            "at least one customer in the population of a target",
            "check `active_within_days` in forestay.yaml and the dates of the data with"
            " `forestay check`",
        )
    last = before.summary["counts"]["listed"] if before else 0
    if decided.num_rows < LEAST_PART * last and not allow_small:
        raise Conflict(
            f"list of {night.as_of}",
            f"it would hold {decided.num_rows:,} customers, the last one held {last:,}",
            f"at least {LEAST_PART:.0%} of the last list",
            "look with `forestay check` whether data are missing; if the list is right, run"
            " `forestay nightly --allow-small`",
        )


def _another_list(night: Night, finished: EarlierList) -> Conflict:
    made_from, now = finished.summary.get("made_from", {}), night.made_from
    changed = [name for name in now if made_from.get(name) != now[name]]
    return Conflict(
        str(finished.folder),
        f"the night of {night.as_of} is finished, and was made from other"
        f" {', '.join(changed) or 'inputs'}",
        "the same data, models and policy, or a date without a list",
        "keep the list, or replace it with `forestay nightly --supersede`; the old one is kept",
    )


def _report(
    night: Night, made: EarlierList, status: Literal["written", "already_done"]
) -> NightlyReport:
    return NightlyReport(
        status=status,
        as_of=night.as_of,
        folder=made.folder,
        fingerprint=made.fingerprint,
        counts=dict(made.summary["counts"]),
        warnings=list(made.summary.get("warnings", [])),
        supersedes=made.summary.get("supersedes"),
    )
