"""Lists that are already there: which is the one before, and who came and went since.

A list is complete when its folder bears a date and holds a `summary.json`; what is being written
bears another name until then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import BrokenRecord

SUMMARY = "summary.json"
LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class EarlierList:
    """A complete list on disk."""

    as_of: date
    folder: Path
    summary: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Content hash of everything the list was made from."""
        return str(self.summary["fingerprint"])

    def rows(
        self, columns: Sequence[str] = ("customer_id", "on_list_since", "decision")
    ) -> pa.Table:
        """Read who was on it, since when, and what was decided, or other columns; verified."""
        path = self.folder / "risk_list.parquet"
        try:
            return pq.read_table(
                path,
                columns=list(columns),
                page_checksum_verification=True,
                partitioning=None,
            )
        except (OSError, pa.ArrowException) as error:
            raise BrokenRecord(
                str(path),
                "it cannot be read as it was written",
                "the bytes that `forestay nightly` wrote",
                f"restore it from a backup, or delete {self.folder} and run"
                f" `forestay nightly --as-of {self.as_of}`",
            ) from error


def open_list(lists: Path, as_of: date) -> EarlierList | None:
    """Open the complete list of a date; None when there is none."""
    folder = lists / as_of.isoformat()
    path = folder / SUMMARY
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.read_text("utf-8"))
        summary["fingerprint"], summary["counts"]["listed"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenRecord(
            str(path),
            "it is not the summary of a list",
            "the file that `forestay nightly` wrote",
            f"restore it from a backup, or delete {folder} and run"
            f" `forestay nightly --as-of {as_of}`",
        ) from error
    return EarlierList(as_of=as_of, folder=folder, summary=summary)


def list_dates(lists: Path) -> list[date]:
    """Return the dates of all complete lists, oldest first."""
    return sorted(
        day
        for path in lists.glob(f"*/{SUMMARY}")
        if not path.parent.is_symlink() and (day := _date_of(path.parent.name))
    )


def list_before(lists: Path, as_of: date) -> EarlierList | None:
    """Open the newest complete list of an earlier date; None for the first one."""
    earlier = [day for day in list_dates(lists) if day < as_of]
    return open_list(lists, earlier[-1]) if earlier else None


def movements(
    before: pa.Table, now: pa.Table, left_quiet: pa.Table, since: Mapping[str, Any]
) -> dict[str, Any]:
    """Count who came and went between two lists, each with what moved them.

    Parameters
    ----------
    before, now : customer_id, decision; `now` with `quiet_days` and `why_not` (a code) as well.
    left_quiet : customer_id, quiet_days of customers who are no longer listed.
    since : `days` between the lists; whether `model` and `policy` are others.

    Returns
    -------
    listed and contacts, each with entered and left: customers by cause. Of being listed the cause
    is `data` where something happened to the customer since the last list, else `time`. Of being
    contacted (or reviewed first) it is `outreach` where the customer was contacted already and now
    rests, `policy` or `model` where that changed (the broadest change is named), else the same.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("before", before)
        connection.register("now", now)
        connection.register("left_quiet", left_quiet)
        rows = connection.execute(_COMPARED, {"days": since["days"]}).fetchall()
    broad = "policy" if since["policy"] else "model" if since["model"] else None
    found: dict[str, Any] = {
        kind: {way: {} for way in ("entered", "left")} for kind in ("listed", "contacts")
    }
    for kind, way, cause, count in rows:
        moves = broad and kind == "contacts" and cause != "outreach"
        name = broad if moves else cause
        causes = found[kind][way]
        causes[name] = causes.get(name, 0) + count
    return found


def ids_left(before: pa.Table, now: pa.Table) -> pa.ChunkedArray:
    """Return the customers of the earlier list who are not on this one."""
    gone = pc.invert(pc.is_in(before["customer_id"], value_set=now["customer_id"]))
    return before.filter(gone)["customer_id"]


_COMPARED = """
WITH compared AS (
  SELECT before.customer_id IS NULL AS came, now.customer_id IS NULL AS went,
         coalesce(before.decision IN ('contact', 'human_review'), false) AS was_contacted,
         coalesce(now.decision IN ('contact', 'human_review'), false) AS is_contacted,
         coalesce(now.why_not = 'cooldown' OR now.why_not LIKE 'limit_%', false) AS rests,
         CASE WHEN coalesce(now.quiet_days, left_quiet.quiet_days) < $days
              THEN 'data' ELSE 'time' END AS cause
  FROM before FULL JOIN now USING (customer_id)
  LEFT JOIN left_quiet ON left_quiet.customer_id = before.customer_id
)
SELECT 'listed', CASE WHEN came THEN 'entered' ELSE 'left' END, cause, count(*)
FROM compared WHERE came OR went GROUP BY ALL
UNION ALL
SELECT 'contacts', CASE WHEN is_contacted THEN 'entered' ELSE 'left' END,
       CASE WHEN rests THEN 'outreach' ELSE cause END, count(*)
FROM compared WHERE is_contacted <> was_contacted GROUP BY ALL
ORDER BY ALL
"""


def _date_of(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:  # `latest`, a superseded list, or one that is being written
        return None
