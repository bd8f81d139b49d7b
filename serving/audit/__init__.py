"""Every decision on record: what it was made from, why, and proof that nobody touched it since.

Read `record` (what one holds), `packed` (as bytes), `night_entry` and `recording` (a night into the
ledger), `reading` (back out), `replay` (made again), `looks` (who looked), `reports/` (pages).
"""
