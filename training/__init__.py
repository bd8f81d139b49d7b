"""First floor, west: features and labels in, a calibrated, explained, registered model out.

Reading order: `labels` (the questions), `splits` (which dates answer them), `dataset`, `encode`,
`linear`, `fit`, `calibrate` and `model` (the margin and its parts), `procedure`, `evaluate` and
`experiment` (what is trained and judged), `promotion`, `registry` and `champion`, `explain`.
"""
