"""From a registered version to a champion: the gate, who says so, and the history of it all.

Reading order: `paired` (two models on the same rows), `fairness`, `golden` (rows that must score as
they did), `gate` (every condition), `history` (append-only, the truth), `promote` (its only writer;
MLflow's alias is set after it).
"""
