"""Whether the labels suffice, in numbers: what the report must say before it shows a metric.

The plan says which dates there are; here the customers and positives on them are counted. A
problem that is not blocking is a warning: the model is made, and the report carries the words.
"""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from training.splits.evaluation_plan import EvaluationPlan, Problem

__all__ = ["Problem", "assess"]

#: Below, the standard error of an AUC passes .04 even for balanced labels.
LEAST_ROWS = 200
#: Below, the rarer answer alone gives an AUC a standard error of .05 and more.
LEAST_OF_EACH = 30
#: A model needs both answers, and five stratified folds need two of each to leave one to learn.
LEAST_TO_LEARN = 10
#: One such date is no evidence: its interval would span nearly every value.
LEAST_PER_DATE = 10


def assess(labels: pa.Table, plan: EvaluationPlan) -> EvaluationPlan:
    """Keep of a plan what the labels can honestly support, and say what they cannot.

    Test dates whose model would have too little to learn from are dropped; each other shortage is
    a problem in words with the numbers.

    Parameters
    ----------
    labels : as_of and label of every date in ``plan.label_as_of``.
    plan : the plan they were made for; its own problems come first.

    Returns
    -------
    A plan with the problems; one of them is blocking where no model can honestly be made.
    """
    poor = {day for day, train in plan.train_for.items() if not _learnable(labels, train)}
    plan = _without(plan, poor, [_unlearnable(labels, day, plan.train_for[day]) for day in poor])
    if any(problem.blocking for problem in plan.problems):
        return plan
    found = [_final(labels, plan), _judgeable(labels, plan)]
    found += [_thin(labels, day) for day in plan.test_as_of if len(plan.test_as_of) > 1]
    more = tuple(problem for problem in found if problem)
    return replace(plan, problems=plan.problems + more)


def _counts(labels: pa.Table, days: tuple[date, ...]) -> tuple[int, int]:
    chosen = labels.filter(pc.is_in(labels["as_of"], value_set=pa.array(days, pa.date32())))
    return chosen.num_rows, pc.sum(chosen["label"].cast(pa.int64())).as_py() or 0


def _learnable(labels: pa.Table, train: tuple[date, ...]) -> bool:
    rows, positives = _counts(labels, train)
    return min(positives, rows - positives) >= LEAST_TO_LEARN


def _unlearnable(labels: pa.Table, test: date, train: tuple[date, ...]) -> Problem:
    return Problem(
        code="test_date_unlearnable",
        message=f"test date {test}: {_said(*_counts(labels, train))} to learn from before it; "
        f"at least {LEAST_TO_LEARN} of each answer are needed, so it does not judge",
    )


def _without(plan: EvaluationPlan, poor: set[date], said: list[Problem]) -> EvaluationPlan:
    tests = tuple(day for day in plan.test_as_of if day not in poor)
    if plan.test_as_of and not tests:
        words = "no test date has enough labels before it to learn from; no model can be judged"
        said.append(Problem(code="too_few_to_learn", message=words, blocking=True))
    return replace(
        plan,
        test_as_of=tests,
        train_for={day: plan.train_for[day] for day in tests},
        inner={day: plan.inner[day] for day in tests},
        problems=plan.problems + tuple(sorted(said, key=lambda problem: problem.message)),
    )


def _final(labels: pa.Table, plan: EvaluationPlan) -> Problem | None:
    if _learnable(labels, plan.final_train):
        return None
    return Problem(
        code="too_few_to_learn",
        message=f"the served model has {_said(*_counts(labels, plan.final_train))} to learn from; "
        f"at least {LEAST_TO_LEARN} of each answer are needed, so none is made",
        blocking=True,
    )


def _judgeable(labels: pa.Table, plan: EvaluationPlan) -> Problem | None:
    rows, positives = _counts(labels, plan.test_as_of)
    rarer = min(positives, rows - positives)
    if rarer == 0:
        return Problem(
            code="one_answer_only",
            message=f"the test dates hold {_said(rows, positives)}: nothing can be measured",
            blocking=True,
        )
    if rows >= LEAST_ROWS and rarer >= LEAST_OF_EACH:
        return None
    code = "too_few_customers" if rows < LEAST_ROWS else "too_few_positives"
    return Problem(
        code=code,
        message=f"the test dates hold {_said(rows, positives)}; below {LEAST_ROWS} rows or "
        f"{LEAST_OF_EACH} of the rarer answer the metrics say little: read their intervals",
    )


def _thin(labels: pa.Table, day: date) -> Problem | None:
    rows, positives = _counts(labels, (day,))
    if min(positives, rows - positives) >= LEAST_PER_DATE:
        return None
    return Problem(
        code="thin_test_date",
        message=f"test date {day} holds {_said(rows, positives)}: its own metrics say little",
    )


def _said(rows: int, positives: int) -> str:
    return f"{rows:,} rows with {positives:,} positives and {rows - positives:,} negatives"
