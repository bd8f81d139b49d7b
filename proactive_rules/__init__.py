"""What to do for each customer: features and scores in, one decision with its reason out.

Pure functions over Arrow tables: no clock, no disk, no model, no web. Read `decide` first: it calls
the steps in their order. `policy/`: what may be done; `situation`: what is known; `expected_value`:
what it is worth; `timing/`: when and through which channel; `screening`: what is possible, and why
not; `review`: who looks first; `holdout`: who is left out to measure; `means`, `sharing` and
`allocation/`: who gets what there is; `decision_table`, `run_record`: what is written down;
`collective`: what of it depends on everybody, so that one decision can be made again alone. Beside:
`decisions_before` (what became of earlier ones), `joining`, `why`, `comparison`.
"""

__all__ = [
    "allocation", "collective", "comparison", "decide", "decisions_before", "joining", "policy",
    "situation", "timing", "why",
]  # fmt: skip
