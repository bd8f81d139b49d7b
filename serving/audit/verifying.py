"""The ledger verified from end to end, against the heads that were copied elsewhere."""

from dataclasses import replace
from pathlib import Path

from features.errors import BrokenRecord
from features.progress import Progress
from features.workspace import Workspace
from serving.audit.environment import actor
from serving.ledger import Verification, existing_ledger, verify


def verified(workspace: Workspace, heads: Path | None, progress: Progress) -> Verification:
    """Verify the ledger of a workspace.

    Parameters
    ----------
    heads : folder of the copied heads; that of the settings by default.

    Raises
    ------
    BrokenRecord : something was changed; the message names the first bad record.
    """
    if heads:
        workspace = replace(workspace, ledger=replace(workspace.ledger, copy_heads_to=heads))
    found = verify(existing_ledger(workspace, actor=actor()), progress=progress)
    if found.faults:
        first = found.faults[0]
        raise BrokenRecord(
            f"ledger, {first.where}",
            first.problem,
            "the records that Forestay wrote, in their order",
            "keep the ledger as it is for the auditor, and restore it from a backup whose heads"
            " agree with the copied ones",
        )
    return found
