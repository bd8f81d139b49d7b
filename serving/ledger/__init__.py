"""An append-only ledger that shows every touch: hash-chained, signed, with sealed records.

Read `entry` (one link), `merkle` and `block` (its records), `signing`, `store` and the two
databases, `ledger` (append and read), `group_commit`, `heads` (copies elsewhere), `verify`,
`proof`. The format is written down in `docs/ledger/format.md`. Nothing here knows what a record
says.
"""

from serving.ledger.entry import Entry, Place
from serving.ledger.group_commit import GroupCommit
from serving.ledger.ledger import Ledger, existing_ledger, open_ledger
from serving.ledger.proof import prove
from serving.ledger.verify import Fault, Verification, verify

__all__ = [
    "Entry",
    "Fault",
    "GroupCommit",
    "Ledger",
    "Place",
    "Verification",
    "existing_ledger",
    "open_ledger",
    "prove",
    "verify",
]
