"""Ground floor: accepted rows and a date in, one table of features out.

Reading order: `tables` (the contract), `workspace` and `settings` (what a market says of itself),
`ingest` (files to accepted rows and quarantine), `accepted`, `point_in_time` (the two predicates of
time), `catalogue` (what features exist), `grains` and `compute` (the one expression), `runner`,
`snapshots`, `fingerprint`, `feature_store` (Feast), `erased` and `erasing` (people who must not
come back), `simulated` (a company to try it on). Imports nothing of the other floors, and nothing
heavy by itself.
"""
