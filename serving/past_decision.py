"""A decision of a finished night, looked up with everything it was made from."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import open_accepted
from features.errors import BrokenRecord, NotReady
from features.whole import read_whole
from features.workspace import Workspace
from proactive_rules.policy.columns import Columns
from proactive_rules.policy.file import read_policy
from proactive_rules.policy.records import Policy
from proactive_rules.why import Why, why
from serving.decisions_before import decisions_before
from serving.earlier_lists import EarlierList, list_dates, open_list
from serving.steps import POLICY


@dataclass(frozen=True, kw_only=True)
class PastNight:
    """A finished list with its decisions, the policy it was made under and what they share."""

    listed: EarlierList
    decisions: pa.Table
    policy: Policy
    run: dict[str, Any]


def open_past_night(workspace: Workspace, as_of: date | None = None) -> PastNight:
    """Open the decisions behind a list, the newest by default.

    Raises
    ------
    NotReady : there is no such list. BrokenRecord : its decisions are gone or damaged.
    """
    dates = list_dates(workspace.lists)
    day = as_of or (dates[-1] if dates else None)
    listed = open_list(workspace.lists, day) if day else None
    if listed is None:
        raise NotReady(
            f"list of {day}" if day else "lists",
            "there is none",
            f"one of {', '.join(map(str, dates[-5:]))}" if dates else "a finished night",
            "run `forestay nightly`, or choose another date with --as-of",
        )
    folder = workspace.state / "nightly" / listed.as_of.isoformat() / listed.fingerprint[:12]
    decisions = read_whole(folder / "decisions.parquet")
    if decisions is None or not (folder / POLICY).is_file():
        raise BrokenRecord(
            str(folder),
            "the decisions of this list are gone or damaged",
            "the files that `forestay nightly` wrote",
            "restore the workspace's .forestay/ folder from a backup",
        )
    names = frozenset(decisions.column_names)
    columns = Columns(numbers=names, texts=names, typed=False)
    return PastNight(
        listed=listed,
        decisions=decisions,
        policy=read_policy((folder / POLICY).read_bytes(), columns=columns),
        run=json.loads((folder / "decided.json").read_text("utf-8")),
    )


def why_customer(workspace: Workspace, customer: str, as_of: date | None, language: str) -> Why:
    """Tell why a customer is contacted or left alone on a list.

    Raises
    ------
    NotReady : there is no such list, or the customer is not on it.
    """
    night = open_past_night(workspace, as_of)
    rows = night.decisions.filter(pc.equal(night.decisions["customer_id"], customer))
    if not rows.num_rows:
        raise NotReady(
            f"list of {night.listed.as_of}",
            "the customer is not on it",
            "a customer of a target's population, or potential or lost with an action for them",
            "look at `active_within_days` in forestay.yaml, or ask for another date with --as-of",
        )
    instant = workspace.midnight(night.listed.as_of)
    before = decisions_before(
        workspace,
        open_accepted(workspace),
        night.listed.as_of,
        instant - night.policy.looks_back,
        night.policy.reserve_for,
    )
    standing = before.filter(
        pc.and_(
            pc.equal(before["customer_id"], customer),
            pc.is_in(before["state"], value_set=pa.array(["sent", "reserved"])),
        )
    )
    return why(
        rows.to_pylist()[0],
        night.policy,
        night.run,
        standing.to_pylist(),
        as_of=instant,
        language=language,
    )
