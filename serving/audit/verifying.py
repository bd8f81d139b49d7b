"""The ledger verified from end to end, against the heads that were copied elsewhere."""

from dataclasses import replace
from pathlib import Path

from features.errors import BrokenRecord
from features.progress import Progress
from features.workspace import Workspace
from serving.audit.environment import actor
from serving.ledger import Ledger, Verification, existing_ledger, verify


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
    ledger = existing_ledger(workspace, actor=actor())
    found = verify(ledger, progress=progress)
    if found.faults:
        first = found.faults[0]
        raise BrokenRecord(
            f"ledger, {first.where}",
            first.problem,
            "the records that Forestay wrote, in their order",
            "keep the ledger as it is for the auditor, and restore it from a backup whose heads"
            " agree with the copied ones",
        )
    _require_promotions(workspace, ledger)
    return found


def _require_promotions(workspace: Workspace, ledger: Ledger) -> None:
    """Compare the history of promotions with what the nights say of it.

    Raises
    ------
    BrokenRecord : its chain is broken, or a promotion that a night rests on is not in it.
    """
    from training.promotion.history import promotions

    known = {one.hash for target in workspace.targets for one in promotions(workspace, target)}
    for night in ledger.entries("night"):
        for target, named in night.body.get("promotions", {}).items():
            if named not in known:
                raise BrokenRecord(
                    f"history of promotions, {target}",
                    f"the promotion that the night of {night.body['as_of']} rests on is not in it",
                    f"a promotion with the hash {named[:12]}...",
                    "keep .forestay/models/ as it is for the auditor, and restore it from a backup",
                )
