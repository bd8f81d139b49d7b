"""What is too little is said with the numbers, and the rest goes on."""

from datetime import date

import pyarrow as pa
import pytest

from training.splits import EvaluationPlan, InnerSplit, Problem
from training.sufficiency import assess

TRAIN, EARLY, LATE = date(2011, 1, 1), date(2011, 6, 1), date(2011, 9, 1)


def _labels(**counts):
    """Make rows of (negatives, positives) for train, early and late."""
    days = {"train": TRAIN, "early": EARLY, "late": LATE}
    rows = [
        (days[name], answer)
        for name, (negatives, positives) in counts.items()
        for answer in [0] * negatives + [1] * positives
    ]
    return pa.table(
        {
            "as_of": pa.array([day for day, _ in rows], pa.date32()),
            "label": pa.array([answer for _, answer in rows], pa.int8()),
        }
    )


def _plan(train_for=None, **more):
    train_for = train_for or {EARLY: (TRAIN,), LATE: (TRAIN,)}
    inner = InnerSplit(train=(TRAIN,), validation=(TRAIN,), by_customer=True)
    return EvaluationPlan(
        test_as_of=tuple(train_for),
        snapshot_as_of=(TRAIN, EARLY, LATE),
        train_for=train_for,
        inner=dict.fromkeys(train_for, inner),
        final_train=(TRAIN, EARLY),
        **more,
    )


def test_enough_of_everything_is_no_problem():
    """Hundreds of customers with tens of each answer pass in silence."""
    labels = _labels(train=(300, 60), early=(300, 60), late=(300, 60))
    assert assess(labels, _plan()) == _plan()


@pytest.mark.parametrize(
    ("late", "code", "words"),
    [
        ((40, 20), "too_few_customers", "120 rows with 40 positives and 80 negatives"),
        ((300, 9), "too_few_positives", "369 rows with 29 positives and 340 negatives"),
    ],
)
def test_thin_tests_are_said_with_their_numbers(late, code, words):
    """Rows first, then the rarer answer, pooled over the test dates."""
    made = assess(_labels(train=(300, 60), early=(40, 20), late=late), _plan())
    assert made.problems[0].code == code
    assert words in made.problems[0].message
    assert not any(problem.blocking for problem in made.problems)


def test_one_thin_date_among_others_is_said():
    """A test date with a handful of positives is named, though the pool suffices."""
    made = assess(_labels(train=(300, 60), early=(300, 60), late=(300, 9)), _plan())
    assert [problem.code for problem in made.problems] == ["thin_test_date"]
    assert "2011-09-01 holds 309 rows with 9 positives" in made.problems[0].message


def test_a_test_without_enough_to_learn_before_it_does_not_judge():
    """The other test goes on; the dropped one is said."""
    plan = _plan({EARLY: (TRAIN,), LATE: (TRAIN, EARLY)})
    made = assess(_labels(train=(300, 9), early=(300, 60), late=(300, 60)), plan)
    assert made.test_as_of == (LATE,)
    assert set(made.train_for) == set(made.inner) == {LATE}
    assert [problem.code for problem in made.problems] == ["test_date_unlearnable"]
    assert "300 negatives to learn from before it" in made.problems[0].message


def test_no_test_that_can_be_learnt_for_blocks():
    """Without a single test there is no model, and the numbers say why."""
    made = assess(_labels(train=(300, 0), early=(300, 60), late=(300, 60)), _plan())
    assert made.test_as_of == ()
    assert [problem.code for problem in made.problems if problem.blocking] == ["too_few_to_learn"]


def test_one_answer_only_blocks():
    """If nobody complained on the test dates nothing can be measured."""
    made = assess(_labels(train=(300, 60), early=(300, 0), late=(300, 0)), _plan())
    assert made.problems[0].code == "one_answer_only"
    assert made.problems[0].blocking


def test_problems_of_the_plan_come_first():
    """A plan without test dates is returned as it is."""
    blocked = EvaluationPlan(
        test_as_of=(),
        snapshot_as_of=(),
        train_for={},
        inner={},
        final_train=(),
        problems=(Problem(code="no_mature_date", message="too short", blocking=True),),
    )
    assert assess(_labels(), blocked) == blocked
