"""The policy: one reviewed YAML file as records, and the words for every code a decision carries.

Reading order: `policy.yaml` (the one that ships, every setting explained), `records` (what it
becomes), `file` with `actions`, `limits` and `columns` (how it is read and checked), `sentences`.
"""
