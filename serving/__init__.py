"""The doors: the night that writes the list, and the command line. Wires the floors below.

Read `nightly` (the run, step by step), `score`, `risk_list` (the columns), `list_files` and `page`
(the files), `summary`; `ledger` (an append-only chain), `keyring` (whose records), `audit` (what a
record holds, replay, reports), `erasure`; `cli` for the commands.
"""

__all__ = [
    "audit", "cli", "erasure", "keyring", "ledger", "list_files", "nightly", "page", "risk_list",
    "score", "summary",
]  # fmt: skip
