"""What another policy would have done: past nights replayed from their snapshots, side by side.

Both policies decide on the same scores (today's models), each under its own history: what it
decided on an earlier night of the replay counts as sent at the planned hour. What was really sent
before the first of these nights counts for both. Nothing in the workspace changes but for
snapshots, which are made where a date has none. `simulation_page` shows what is found here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import BadInput
from features.progress import SILENT, Progress
from features.snapshots import build_snapshots
from features.workspace import Workspace
from proactive_rules.comparison import (
    GROUPED_BY,
    Counts,
    Group,
    as_sent,
    contacted_counts,
    done,
    moved,
    movers,
    reasons,
    summed,
    totals,
)
from proactive_rules.decide import decide
from proactive_rules.joining import joins
from proactive_rules.policy.records import Policy
from proactive_rules.situation import BEFORE, INSTANT, Situation
from serving.night import Night, open_night
from serving.policies import PolicyInForce, open_policy, with_unmapped
from serving.scores import scoring

#: Nobody looks at more names than these; the counts are of all.
NAMED = 50
NIGHTS, MOST_NIGHTS = 7, 366
#: Decisions read everything of the scores but the reasons.
_REASONS = "_reason_"
_ASKED = "asked"


@dataclass(kw_only=True)
class _Replay:
    """One policy on its way through the nights.

    Attributes
    ----------
    standing : what was sent or is reserved so far, as far back as the policy looks.
    groups : customers, and those contacted, by group over all nights.
    reached : who was contacted at least once.
    decided : decisions of the newest night.
    """

    in_force: PolicyInForce
    standing: pa.Table
    nights: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[Group, Counts] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    decided: pa.Table | None = None

    @property
    def policy(self) -> Policy:
        return self.in_force.policy

    def decide(self, night: Night, scores: pa.Table, responses: pa.Table) -> pa.Table:
        """Decide one night, and remember what is sent by it."""
        self.standing = _still(self.standing, night, self.policy.looks_back)
        found = decide(
            Situation(
                customers=_listed(scores, self.in_force, modelled=bool(night.champions)),
                as_of=night.instant,
                before=self.standing,
                responses=responses,
                time_zone=night.workspace.time_zone,
            ),
            self.policy,
        )
        self.standing = pa.concat_tables([self.standing, as_sent(found.table)]).combine_chunks()
        self.nights.append(totals(found, self.policy))
        self.reached.update(done(found.table)["customer_id"].to_pylist())
        self.decided = found.table
        return found.table

    def count(self, decided: pa.Table, by: Sequence[str]) -> None:
        """Add a night's customers to their groups."""
        for group, (customers, contacted) in contacted_counts(decided, by).items():
            earlier = self.groups.get(group, (0, 0))
            self.groups[group] = (earlier[0] + customers, earlier[1] + contacted)


def simulate(
    workspace: Workspace, policy_file: Path, nights: int = NIGHTS, progress: Progress = SILENT
) -> dict[str, Any]:
    """Replay the last nights under the policy in force and under another.

    Parameters
    ----------
    policy_file : the other policy.
    nights : how many, up to the newest date; those before the data are left out.

    Returns
    -------
    Plain data, the policy in force before the other: `policies`; `nights` (each with the totals of
    both, how many the other contacts besides, `entered`, and how many it does not, `left`);
    `total`; `only`, how many are contacted under one alone, on whatever night; `reasons` why not;
    `groups` (contacted share of each, of all its customers on all nights); `last_night` (who
    enters and leaves, at most `NAMED`); `left_out`, nights before the data; `snapshots`, how many
    had to be made.

    Raises
    ------
    BadInput : the policy has faults, or so many nights cannot be replayed.
    NotReady : nothing was ingested, or the file does not exist.
    """
    if not 1 <= nights <= MOST_NIGHTS:
        raise BadInput("--nights", f"{nights} nights", f"from 1 to {MOST_NIGHTS}", "choose others")
    newest = open_night(workspace, None, allow_stale=True)
    policies = (newest.in_force, open_policy(workspace, newest.catalogue, policy_file))
    dates = _dates(newest, nights)
    made = build_snapshots(workspace, newest.accepted, dates, progress)
    replays = [_Replay(in_force=one, standing=_before(newest, dates[0], one)) for one in policies]
    with progress.step("Replaying nights", total=len(dates)) as step:
        told = []
        for day in dates:
            told.append(_replayed(newest, day, replays))
            step.advance()
    return {
        "workspace": workspace.name,
        "as_of": newest.as_of.isoformat(),
        "currency": workspace.currency,
        "policies": [_policy(one) for one in policies],
        "same": policies[0].policy.fingerprint == policies[1].policy.fingerprint,
        "left_out": nights - len(dates),
        "data_from": workspace.local_date(newest.accepted.first_event_at).isoformat(),
        "snapshots": len(made.built) + len(made.stale_rebuilt),
        "nights": told,
        "total": [{**summed(one.nights), "reached": len(one.reached)} for one in replays],
        "only": [
            len(replays[0].reached - replays[1].reached),
            len(replays[1].reached - replays[0].reached),
        ],
        "reasons": _reasons(replays),
        "groups": _groups(replays),
        "last_night": _last_night(replays),
    }


def _dates(newest: Night, nights: int) -> list[date]:
    """Return the last nights of which there are data, the oldest first."""
    days = (newest.as_of - timedelta(days=back) for back in range(nights - 1, -1, -1))
    first = newest.accepted.first_event_at
    return [day for day in days if newest.workspace.midnight(day) > first]


def _before(newest: Night, first: date, in_force: PolicyInForce) -> pa.Table:
    """Read what was really decided and sent before the replay, as that policy looks at it."""
    before = replace(newest, as_of=first, in_force=in_force).before
    return before.cast(BEFORE)


def _replayed(newest: Night, day: date, replays: Sequence[_Replay]) -> dict[str, Any]:
    """Decide a night under each policy; what both read is read once."""
    nights = [replace(newest, as_of=day, in_force=one.in_force) for one in replays]
    reading = {night.policy.answered.sql: night for night in nights}
    scores = _scores(nights[0], [one.in_force for one in replays])
    by = _grouped_by(replays)
    tables = []
    for one, night in zip(replays, nights, strict=True):
        decided = one.decide(night, scores, reading[night.policy.answered.sql].responses)
        one.count(decided, by)
        tables.append(decided)
    return {
        "as_of": day.isoformat(),
        "policies": [one.nights[-1] for one in replays],
        **{way: len(ids) for way, ids in moved(*tables).items()},
    }


def _scores(night: Night, policies: Sequence[PolicyInForce]) -> pa.Table:
    """Score everyone who may be listed under any of the policies; `asked`: under all of them."""
    prepared = scoring(night, policies)
    parts = []
    for bucket in range(night.snapshot.buckets):
        rows = prepared.bucket(bucket).rows
        rows = rows.select([name for name in rows.column_names if _REASONS not in name])
        asked = np.zeros(rows.num_rows, dtype=bool)
        for ids in prepared.asked.values():
            among = pc.is_in(rows["customer_id"], value_set=ids[bucket])
            asked |= np.asarray(among.to_numpy(), dtype=bool)
        parts.append(rows.append_column(_ASKED, pa.array(asked)))
    return pa.concat_tables(parts)


def _listed(scores: pa.Table, in_force: PolicyInForce, *, modelled: bool) -> pa.Table:
    """Leave out who would join the list under the other policy only; nobody does unmodelled."""
    rows = with_unmapped(scores, in_force.reads)
    if modelled:
        listed = pc.or_(rows[_ASKED], pa.array(joins(rows, in_force.policy)))
    else:
        listed = rows[_ASKED]
    return rows.filter(listed).drop_columns([_ASKED])


def _still(standing: pa.Table, night: Night, looks_back: timedelta) -> pa.Table:
    """Let go of reservations that nobody came to carry out, and of what is too long ago."""
    due = pc.less_equal(standing["reserved_until"], pa.scalar(night.instant, INSTANT))
    released = pc.and_(pc.equal(standing["state"], "reserved"), pc.fill_null(due, fill_value=False))
    held = pc.and_(
        pc.is_in(standing["state"], value_set=pa.array(["sent", "reserved"])), pc.invert(released)
    )
    since = pa.scalar(night.instant - looks_back, INSTANT)
    recent = pc.or_(pc.equal(standing["state"], "reserved"), pc.greater(standing["at"], since))
    return standing.filter(pc.and_(held, recent))


def _policy(found: PolicyInForce) -> dict[str, Any]:
    return {
        "version": found.policy.label,
        "fingerprint": found.policy.fingerprint,
        "file": found.path.name if found.path else "shipped",
        "actions": {action.name: dict(action.say) for action in found.policy.actions},
    }


def _grouped_by(replays: Sequence[_Replay]) -> list[str]:
    """Name the columns whose groups are compared: the usual ones, and those kept fair."""
    kept_fair = [one.policy.fairness.by for one in replays if one.policy.fairness]
    return list(dict.fromkeys([*GROUPED_BY, *kept_fair]))


def _reasons(replays: Sequence[_Replay]) -> list[dict[str, Any]]:
    counts = [summed(one.nights)["why_not"] for one in replays]
    return reasons([one.policy for one in replays], counts)


def _groups(replays: Sequence[_Replay]) -> list[dict[str, Any]]:
    """Return the contacted share of each group, of all its customers on all nights."""
    found = []
    for by, name in dict.fromkeys(group for one in replays for group in one.groups):
        pairs = [one.groups.get((by, name), (0, 0)) for one in replays]
        found.append(
            {
                "by": by,
                "name": name,
                "customers": max(customers for customers, _ in pairs) / len(replays[0].nights),
                "shares": [done / count if count else None for count, done in pairs],
            }
        )
    return found


def _last_night(replays: Sequence[_Replay]) -> dict[str, list[dict[str, Any]]]:
    """Tell who enters and who leaves on the newest night, the most valuable first."""
    one, other = replays
    if one.decided is None or other.decided is None:
        return {"entered": [], "left": []}
    moves = moved(one.decided, other.decided)
    return {
        "entered": movers(moves["entered"], other.decided, one.decided, one.policy, NAMED),
        "left": movers(moves["left"], one.decided, other.decided, other.policy, NAMED),
    }
