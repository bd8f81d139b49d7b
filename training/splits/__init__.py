"""Which dates train, which judge: rolling origins with a purge, or folds where dates lack.

Reading order: `evaluation_plan` (the records), `calendar` (arithmetic on days), `present` (where
the data end), `origins` (the choice), `folds`. Called by `training.dataset` and
`training.experiment`; `nightly_as_of` also by the night.
"""

from training.splits.evaluation_plan import EvaluationPlan, InnerSplit, Problem
from training.splits.folds import FOLDS, stratified_folds
from training.splits.origins import TEST_DATES, TRAIN_MONTHS, plan
from training.splits.present import is_mature, nightly_as_of, observation_date

__all__ = [
    "FOLDS",
    "TEST_DATES",
    "TRAIN_MONTHS",
    "EvaluationPlan",
    "InnerSplit",
    "Problem",
    "is_mature",
    "nightly_as_of",
    "observation_date",
    "plan",
    "stratified_folds",
]
