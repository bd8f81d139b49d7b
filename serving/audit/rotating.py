"""New keys from now on; what was sealed and signed before keeps the keys of its time."""

from typing import Any

from features.whole import lease
from features.workspace import Workspace
from serving.audit.environment import actor
from serving.keyring import open_keyring
from serving.ledger import open_ledger

ROTATED = "rotated"


def rotate_keys(workspace: Workspace) -> dict[str, Any]:
    """Make a new signing key and a new pseudonym key; customers get new keys with it.

    Raises
    ------
    Conflict : a night is at work, whose records must have one pseudonym for each customer.
    """
    with lease(workspace.state / "nightly.lock", "forestay nightly"):
        ledger = open_ledger(workspace, actor=actor())
        signing = ledger.rotate_signer()
        pseudonym = open_keyring(workspace).rotate()
        ledger.append(ROTATED, {"pseudonym_key": pseudonym, "signing_key": signing})
    return {"pseudonym_key": pseudonym, "signing_key": signing}
