"""The gate."""

import numpy as np
import pytest

from training.bootstrap import Interval
from training.evaluate import Predictions, evaluate
from training.observed import Observed
from training.promotion.fairness import group_ratios
from training.promotion.gate import MARGIN, gate, passed, reasons
from training.promotion.golden import Proof
from training.promotion.paired import Kept, clearly_below, compare, kept_from, kept_table

CHANCES = np.random.default_rng(4)
ROWS = 2000
LABELS = (CHANCES.random(ROWS) < 0.4).astype(float)
NOISE = CHANCES.normal(size=ROWS)


def _predictions(skill: float) -> Predictions:
    margin = skill * (LABELS - 0.4) + NOISE * 0.8 - 0.4
    return Predictions(
        customers=np.arange(ROWS).astype(np.uint64),
        as_of=np.full(ROWS, np.datetime64("2026-01-01")),
        labels=LABELS,
        risk=1 / (1 + np.exp(-margin)),
    )


def _difference(new: Predictions, old: Predictions) -> Interval | None:
    paired = compare(Kept(predictions=new), Kept(predictions=old))
    return None if paired is None else paired.differences["roc_auc"]


GOOD, BETTER, CHANCE = (_predictions(skill) for skill in (0.8, 1.0, 0.0))


def test_a_calibrated_model_with_skill_passes() -> None:
    """Without a champion there is nothing to be worse than."""
    assert passed(gate(evaluate(GOOD), None))


def test_a_model_without_skill_fails_and_says_so() -> None:
    """The words hold the interval."""
    checks = gate(evaluate(CHANCE), None)
    assert "has_skill" in reasons(checks)


def test_a_handful_of_cases_promotes_nothing() -> None:
    """Fifteen cases give an interval that only looks like one."""
    few = GOOD.where((LABELS == 0) | (np.cumsum(LABELS) <= 15))
    assert "has_enough_cases" in reasons(gate(evaluate(few), None))


def test_risks_far_from_the_rates_fail() -> None:
    """Everybody told twice the risk is no probability."""
    wrong = GOOD.with_risk(np.clip(GOOD.risk + 0.3, 0, 0.999))
    assert list(reasons(gate(evaluate(wrong), None))) == ["is_calibrated"]


def test_a_clearly_worse_model_does_not_replace_the_champion() -> None:
    """The paired interval lies below 0."""
    difference = _difference(GOOD, BETTER)
    assert difference is not None
    assert difference.high < 0
    assert list(reasons(gate(evaluate(GOOD), difference))) == ["not_worse_than_champion"]


def test_a_model_as_good_as_the_champion_passes() -> None:
    """The very same predictions differ by exactly nothing."""
    assert _difference(GOOD, GOOD) == Interval(0.0, 0.0, 0.0)
    assert passed(gate(evaluate(GOOD), Interval(0.0, 0.0, 0.0)))


def test_a_difference_that_does_not_matter_keeps_nobody_out() -> None:
    """Worse by .002 beyond doubt is still as good."""
    assert passed(gate(evaluate(GOOD), Interval(-0.002, -0.003, -0.001)))


def test_rows_are_paired_by_customer_and_date() -> None:
    """The order of rows does not matter, nor rows that only one of them has."""
    some = GOOD.where(CHANCES.permutation(ROWS)[:1500])
    difference = _difference(some, GOOD)
    assert difference is not None
    assert difference.value == 0.0


def test_too_few_common_rows_compare_nothing() -> None:
    """Fewer than a hundred customers in common say nothing of two models."""
    assert _difference(GOOD.where(np.arange(ROWS) < 50), GOOD) is None


def test_a_model_clearly_below_the_baseline_is_noticed() -> None:
    """And one above it is not."""
    assert clearly_below(evaluate(GOOD), evaluate(BETTER)) is not None
    assert clearly_below(evaluate(BETTER), evaluate(GOOD)) is None


def test_what_is_kept_round_trips() -> None:
    """Predictions and groups can be compared with later; a row without a group has none."""
    levels = {"region": np.where(LABELS == 1, "north", "")}
    kept = Kept(predictions=GOOD, levels=levels)
    again = kept_from(kept_table(kept, GOOD.risk))
    np.testing.assert_array_equal(again.predictions.risk, GOOD.risk)
    np.testing.assert_array_equal(again.predictions.customers, GOOD.customers)
    np.testing.assert_array_equal(again.levels["region"], levels["region"])


def test_a_large_loss_keeps_a_model_out_however_little_is_known() -> None:
    """A wide interval around a loss beyond the margin is no reason to try it on customers."""
    unsure = Interval(-MARGIN - 0.001, -0.08, 0.04)
    assert list(reasons(gate(evaluate(GOOD), unsure))) == ["not_worse_than_champion"]


def _group(name: str, said: float, seen: Interval, rows: int = 1000) -> Observed:
    return Observed(kind="region", name=name, rows=rows, said=said, seen=seen)


def test_a_group_whose_risks_are_off_is_named() -> None:
    """North: 30 seen for 20 said, beyond doubt; south 96 for 100, which is within 5%."""
    groups = group_ratios(
        [
            _group("north", 0.20, Interval(0.30, 0.28, 0.32)),
            _group("south", 0.20, Interval(0.192, 0.188, 0.196), rows=9000),
        ]
    )
    assert [one.ratio.value for one in groups] == pytest.approx([1.5, 0.96])
    assert [one.holds for one in groups] == [False, True]
    failed = reasons(gate(evaluate(GOOD), None, groups))
    assert list(failed) == ["is_fair"]
    assert "region north 1.50" in failed["is_fair"]


def test_a_level_that_is_off_for_everyone_is_not_unfair() -> None:
    """A third more cases than said, everywhere: calibration is off, no group is worse treated."""
    seen = Interval(0.40, 0.39, 0.41)
    groups = group_ratios([_group("north", 0.30, seen), _group("south", 0.30, seen)])
    assert not any(one.holds for one in groups)
    assert passed(gate(evaluate(GOOD), None, groups))


def test_many_groups_widen_their_intervals() -> None:
    """One of forty strays by chance: what is beyond doubt for one alone is not among many."""
    stray = _group("north", 0.20, Interval(0.23, 0.205, 0.255))
    assert not group_ratios([stray])[0].holds
    many = [stray, *(_group(f"r{n}", 0.2, Interval(0.2, 0.18, 0.22)) for n in range(39))]
    assert group_ratios(many)[0].holds


def test_a_model_that_scores_otherwise_than_it_did_does_not_serve() -> None:
    """One bit more than 1e-12 on a golden row; nor one that kept none, nor a slow one."""
    same = Proof(off=0.0, one_ms=1, thousand_ms=20)
    assert passed(gate(evaluate(GOOD), None, (), same))
    other = Proof(off=1e-9, one_ms=1, thousand_ms=20)
    assert list(reasons(gate(evaluate(GOOD), None, (), other))) == ["golden_rows_equal"]
    none = Proof(off=None, one_ms=1, thousand_ms=20)
    assert list(reasons(gate(evaluate(GOOD), None, (), none))) == ["golden_rows_equal"]
    slow = Proof(off=0.0, one_ms=80, thousand_ms=20)
    assert list(reasons(gate(evaluate(GOOD), None, (), slow))) == ["is_fast"]
