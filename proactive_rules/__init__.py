"""What to do for each customer: scores in, one decision with its reason out.

Pure functions over Arrow tables: no clock, no disk, no model, no web. Read `policy` (what may be
done), `expected_value` (what it is worth), `holdout` (who is left out to measure it), `decide`.
"""

__all__ = ["decide", "expected_value", "holdout", "policy"]
