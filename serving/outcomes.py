"""Outcomes taken back from the CRM: accepted as contacts, and matched with earlier decisions."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.accepted import open_accepted
from features.ingest import OutcomesReport, take_outcomes
from features.kept_outcomes import CONTACT_ID
from features.progress import SILENT, Progress
from features.workspace import Workspace
from proactive_rules.decisions_before import settle
from proactive_rules.policy.records import Policy
from serving.decisions_before import decided_between, sent_between

#: Lists older than this before a file's first contact are not searched for its decisions.
_LOOK_BACK = timedelta(days=92)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """A file of outcomes: what became of its rows, and how many carried out a decision of ours."""

    report: OutcomesReport
    matched: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for machines."""
        report, rows = self.report, self.report.rows
        return {
            "status": report.status,
            "file": rows.label,
            "kept": report.kept.name,
            "read": rows.read,
            "accepted": rows.accepted,
            "duplicate": rows.duplicate,
            "superseded": rows.superseded,
            "quarantined": rows.quarantined,
            "faults": rows.faults,
            "matched": self.matched,
            "ignored_columns": list(report.ignored),
            "ingest": report.ingest.as_dict(),
        }


def take_back(workspace: Workspace, path: Path, progress: Progress = SILENT) -> Outcomes:
    """Take a file of outcomes back, and count those that carried out an earlier decision.

    Raises
    ------
    BadInput : the file, or another source, cannot be ingested; nothing of it is kept.
    Conflict : an ingest of this workspace runs.
    """
    report = take_outcomes(workspace, path, progress)
    return Outcomes(report=report, matched=_matched(workspace, report.kept))


def _matched(workspace: Workspace, kept: Path) -> int:
    """Count the contacts of a kept file that carried out a decision of an earlier list."""
    accepted = open_accepted(workspace)
    until = accepted.data_until + timedelta(microseconds=1)
    sent = sent_between(accepted, accepted.first_event_at, until)
    mine = sent.filter(pc.is_in(sent["contact_id"], value_set=_contact_ids(kept)))
    first = pc.min(mine["sent_at"]).as_py()
    if first is None:
        return 0
    decided = decided_between(workspace, first - _LOOK_BACK, until)
    found = settle(decided, mine, until, Policy.reserve_for)
    carried_out = pc.and_(pc.equal(found["state"], "sent"), pc.is_valid(found["decision_id"]))
    return int(pc.sum(carried_out).as_py() or 0)


def _contact_ids(kept: Path) -> pa.Array:
    """Name the contacts of a kept file as ingest names them."""
    columns = ["contact_id", "decision_id", "customer_id", "action", "channel", "sent_at"]
    rows = pq.read_table(kept, columns=columns, page_checksum_verification=True, partitioning=None)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("kept", rows)
        found = connection.execute(f"SELECT DISTINCT {CONTACT_ID} AS id FROM kept")
        return found.to_arrow_table()["id"].combine_chunks()
