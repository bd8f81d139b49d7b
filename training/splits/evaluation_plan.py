"""The records a plan of evaluation is made of. No code that touches data."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What stands in the way of a good model, in words with the numbers.

    ``blocking``: no model can honestly be made; otherwise the report says it and goes on.
    """

    code: str
    message: str
    blocking: bool = False


@dataclass(frozen=True, kw_only=True)
class InnerSplit:
    """Older dates that a model for one test date needs to choose on.

    `train` is fitted on, `validation` judges. With ``by_customer`` history is too short for dates
    apart: both hold the same dates, and customers are folded instead (`stratified_folds`).
    """

    train: tuple[date, ...]
    validation: tuple[date, ...]
    by_customer: bool = False


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """Which dates train which model, which judge it, and what is wrong with that.

    Parameters
    ----------
    test_as_of : dates that judge, oldest first; empty when there is none (a blocking problem).
    snapshot_as_of : every date of the workspace's plan, oldest first, mature or not.
    train_for : for each test date, the dates its model is trained on; their label windows had
        closed by then.
    inner : for each test date, the split inside its training dates.
    final_train : dates the served model is trained on: the newest mature ones.
    a_year_before : for each test date the day a year earlier, whose labels show the season; only
        where history reaches so far.
    served_a_year_before : the same for the night the served model will score first.
    cross_validated : one date only: customers are folded, and the one date trains and judges.
    problems : what to tell the user.
    """

    test_as_of: tuple[date, ...]
    snapshot_as_of: tuple[date, ...]
    train_for: dict[date, tuple[date, ...]]
    inner: dict[date, InnerSplit]
    final_train: tuple[date, ...]
    a_year_before: dict[date, date] = field(default_factory=dict)
    served_a_year_before: date | None = None
    cross_validated: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def label_as_of(self) -> tuple[date, ...]:
        """Dates whose labels and features training reads, oldest first."""
        used = {*self.test_as_of, *self.final_train, *self.a_year_before.values()}
        used |= {self.served_a_year_before} if self.served_a_year_before else set()
        for inner in self.inner.values():
            used.update(inner.train, inner.validation)
        return tuple(sorted(used.union(*self.train_for.values())))
