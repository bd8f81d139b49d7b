"""Records past their time are deleted, and the ledger says so: how long is the user's setting."""

from datetime import UTC, datetime
from itertools import takewhile

from features.workspace import Workspace
from serving.audit.environment import actor
from serving.audit.recording import DECISIONS
from serving.ledger import open_ledger
from serving.ledger.ledger import EXPIRED
from serving.online.score_records import SCORES


def expire(workspace: Workspace, now: datetime | None = None) -> int:
    """Delete the records that are older than `ledger: keep`; what was decided in sum stays.

    Returns
    -------
    count : records deleted.
    """
    ledger = open_ledger(workspace, actor=actor())
    before = (now or datetime.now(UTC)) - workspace.ledger.keep
    gone = {seq for entry in ledger.entries(EXPIRED) for seq in entry.body["entries"]}
    old = takewhile(lambda entry: entry.at < before, ledger.entries(DECISIONS, SCORES))
    over = [entry for entry in old if entry.seq not in gone]
    if not over:
        return 0
    count = sum(len(ledger.leaves(entry.seq) or ()) for entry in over)
    days = workspace.ledger.keep.days
    ledger.expire([entry.seq for entry in over], {"records": count, "kept_days": days})
    return count
