"""One record proven without showing the others: leaf, way to the root, and the signed entry."""

from typing import Any

from features.errors import NotReady
from serving.ledger.entry import Place
from serving.ledger.ledger import OPENED, SIGNING_KEY, Ledger
from serving.ledger.merkle import leaf_hashes, path_of
from serving.ledger.store import Row

FORMAT = 1


def prove(ledger: Ledger, place: Place) -> dict[str, Any]:
    """Gather what proves that a record is in the ledger as it was written.

    Returns
    -------
    Plain data that `docs/ledger/verify_ledger.py` checks: the sealed leaf, the hashes beside its
    way to the root, the entry with its signature, and the keys that lead to the one that signed it.

    Raises
    ------
    NotReady : its time is over.
    """
    leaves, row = ledger.leaves(place.seq), ledger.store.row(place.seq)
    if leaves is None or row is None:
        raise NotReady(
            f"ledger, entry {place.seq}",
            "its records were deleted when their time was over",
            "a record that is still kept",
            "look at `ledger: keep:` in forestay.yaml",
        )
    path = path_of(leaf_hashes(leaves), place.index)
    return {
        "format": FORMAT,
        "leaf": leaves[place.index].hex(),
        "index": place.index,
        "path": [[side, found.hex()] for side, found in path],
        "entry": _signed(row),
        "keys": [_signed(one) for one in ledger.store.rows(0, (OPENED, SIGNING_KEY))],
    }


def _signed(row: Row) -> dict[str, Any]:
    signature = row.signature.hex()
    return {"content": row.content.decode(), "signer": row.signer, "signature": signature}
