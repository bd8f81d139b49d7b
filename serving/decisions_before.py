"""What earlier nights decided and what was sent since, gathered for the night that comes.

Decisions come from the complete lists (one that was superseded does not count), contacts from the
accepted data. `proactive_rules.decisions_before` says what became of each.
"""

from contextlib import closing
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted
from features.runner import collect
from features.tables import CONTACTS as CONTRACT
from features.tables import INSTANT
from features.workspace import Workspace
from proactive_rules.decisions_before import CONTACTS, DECIDED, HOLDING, settle
from serving.earlier_lists import EarlierList, list_dates, open_list
from serving.online.moved import MovedCustomers, moved_file
from serving.visible_rows import naive_instant, stored_columns, visible_rows

_LISTED = ("customer_id", "decision", "action", "channel", "owner", "due_by", "decision_id")
_SENT = pa.schema([*CONTACTS, ("contact_id", pa.string())])


def decisions_before(
    workspace: Workspace, accepted: Accepted, as_of: date, since: datetime, reserve_for: timedelta
) -> pa.Table:
    """Settle what was decided and sent before a night, so that its limits count it once.

    Parameters
    ----------
    as_of : date of the night; nothing decided or sent from its midnight on is read.
    since : instant from which contacts and decisions matter.
    reserve_for : how long after its due date a decision nobody carried out holds its place.

    Returns
    -------
    As `proactive_rules.decisions_before.settle` gives it. What a decision would have cost is null:
    the list does not say, the policy does.

    Raises
    ------
    BrokenRecord : an earlier list was changed or damaged.
    """
    at = workspace.midnight(as_of)
    decided = decided_between(workspace, since, at)
    return settle(decided, sent_between(accepted, since, at), at, reserve_for)


def decided_between(workspace: Workspace, since: datetime, until: datetime) -> pa.Table:
    """Read what was decided in ``[since, until)`` and somebody was to act upon, from the lists."""
    found = [DECIDED.empty_table()]
    for day in list_dates(workspace.lists):
        made_at = workspace.midnight(day)
        if since <= made_at < until and (earlier := open_list(workspace.lists, day)):
            found.append(_decided(earlier, made_at))
    return _with_online(workspace, pa.concat_tables(found), since, until)


def _with_online(
    workspace: Workspace, decided: pa.Table, since: datetime, until: datetime
) -> pa.Table:
    """Lay in what the service decided between the nights, and leave out what that replaced."""
    if not moved_file(workspace).is_file():
        return decided
    with closing(MovedCustomers(workspace)) as moved:
        online = moved.decisions(since, until)
    replaced = pa.array([one["replaces"] for one in online], pa.string())
    rows = [
        {name: one.get(name) for name in DECIDED.names}
        | {name: _instant(one[name]) for name in ("decided_at", "due_by")}
        for one in online
        if one["decision"] in HOLDING
    ]
    both = pa.concat_tables([decided, pa.Table.from_pylist(rows, schema=DECIDED)])
    return both.filter(pc.invert(pc.is_in(both["decision_id"], value_set=replaced)))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _decided(earlier: EarlierList, made_at: datetime) -> pa.Table:
    rows = earlier.rows(_LISTED)
    rows = rows.filter(pc.is_in(rows["decision"], value_set=pa.array(HOLDING)))
    count = rows.num_rows
    rows = rows.append_column("decided_at", pa.repeat(pa.scalar(made_at, INSTANT), count))
    rows = rows.append_column("cost", pa.nulls(count, pa.float64()))
    return rows.select(DECIDED.names).cast(DECIDED)


def sent_between(accepted: Accepted, since: datetime, until: datetime) -> pa.Table:
    """Read the contacts sent in ``[since, until)``, as they were known before `until`.

    Returns
    -------
    The contacts `settle` takes, with their `contact_id`; none where no contacts were accepted.
    """
    if CONTRACT.name not in accepted.tables:
        return _SENT.empty_table()
    columns = ", ".join(_SENT.names)
    seen = visible_rows(CONTRACT.name, until)
    query = f"SELECT {columns} FROM ({seen}) WHERE sent_at >= {naive_instant(since)}"
    found = collect(accepted, query, {CONTRACT.name: stored_columns(CONTRACT.name)})
    return pa.concat_tables([_SENT.empty_table(), *(part.cast(_SENT) for _, part in found)])
