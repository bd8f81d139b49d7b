"""The doors: the night that writes the list, and the command line. Wires the floors below.

Read `nightly` (the run, step by step), `score`, `risk_list` (the columns), `list_files` and `page`
(the files), `summary`; `cli` for the commands.
"""

__all__ = ["cli", "list_files", "nightly", "page", "risk_list", "score", "summary"]
