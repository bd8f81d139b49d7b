"""The procedure: what it chooses on, and that it looks at nothing later."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from tests.training.made_rows import DAYS, WINDOWS, made_rows
from training.procedure import Wishes, fit_model
from training.rows import Rows

ROWS = made_rows()
LAST = DAYS[-3:]


def test_it_chooses_on_earlier_origins() -> None:
    """The newest dates before which older windows had closed, a third of a horizon apart."""
    _, recipe = fit_model(ROWS, LAST, WINDOWS)
    assert recipe.validated_on == tuple(f"{day}" for day in reversed(LAST))


def test_without_an_earlier_origin_it_folds_customers() -> None:
    """Where no window had closed before another date, customers are held apart instead."""
    _, recipe = fit_model(ROWS.on(DAYS[:1]), DAYS[:1], WINDOWS)
    assert recipe.validated_on == tuple(f"fold {number}" for number in range(5))


def test_labels_not_known_at_an_origin_do_not_train_for_it() -> None:
    """Three dates 10 days apart, windows of 30: none had closed, so customers are folded."""
    early = DAYS[0]
    near = made_rows(days=tuple(early + timedelta(days=10 * step) for step in range(3)))
    _, recipe = fit_model(near, near.dates, WINDOWS)
    assert all(name.startswith("fold") for name in recipe.validated_on)


def test_the_model_is_fitted_on_the_dates_it_is_told() -> None:
    """Older rows serve to choose; the model remembers the dates it learnt from."""
    model, _ = fit_model(ROWS, LAST, WINDOWS)
    assert model.trained_on == tuple(f"{day}" for day in LAST)
    assert model.base_rate == pytest.approx(ROWS.on(LAST).labels.mean())


def test_shrunk_weights_get_their_size_back_on_later_rows() -> None:
    """Whatever shrinkage took, margins on later rows are about as large as the labels say."""
    rows = made_rows(customers=2000)
    model, _ = fit_model(rows, LAST, WINDOWS)
    assert model.calibrator.a == pytest.approx(1.0, abs=0.1)


def test_chance_gets_almost_no_spread() -> None:
    """Where nothing can be learnt, the members weigh little and risks stay near the base rate."""
    rows = made_rows(skill=0.0)
    model, _ = fit_model(rows, LAST, WINDOWS)
    assert model.risk(rows.table).std() < 0.05


def test_older_dates_that_mislead_are_left_out() -> None:
    """The older half has its labels turned round: earlier origins do better without it."""
    turned = ROWS.labels.copy()
    old = np.isin(ROWS.as_of, np.array(DAYS[:3], dtype="datetime64[D]"))
    turned[old] = 1 - turned[old]
    mixed = replace(ROWS, labels=turned)
    assert fit_model(mixed, DAYS, WINDOWS)[1].train_on == DAYS[3:]


def test_the_users_parameters_are_used_and_kept() -> None:
    """What the user says is in the recipe and in the trees."""
    wishes = Wishes(params={"n_estimators": 12, "num_leaves": 3})
    model, recipe = fit_model(ROWS, LAST, WINDOWS, wishes)
    assert recipe.trees == model.trees.num_trees() == 12
    assert all(tree["num_leaves"] <= 3 for tree in model.trees.dump_model()["tree_info"])


def test_a_search_never_makes_the_earlier_origins_worse() -> None:
    """A find is used only where it gains beyond noise; the user's own parameters stay."""
    own = {"num_leaves": 5}
    _, recipe = fit_model(ROWS, LAST, WINDOWS, Wishes(params=own, tune_seconds=2.0))
    assert recipe.tuned is not None
    assert recipe.tuned.trials >= 1
    assert recipe.tuned.loss_after <= recipe.tuned.loss_before
    assert recipe.params["num_leaves"] == 5


def test_a_second_run_has_the_same_bits(tmp_path) -> None:
    """Same rows, same files."""
    first, second = (fit_model(ROWS, LAST, WINDOWS)[0] for _ in range(2))
    assert first.save(tmp_path / "a") == second.save(tmp_path / "b")


def test_the_order_of_customers_does_not_matter_for_folds() -> None:
    """Folds follow a hash of the customer, so shuffled rows make the same choices."""
    day = ROWS.on(DAYS[:1])
    order = np.random.default_rng(1).permutation(len(day.labels))
    mixed = Rows(
        day.table.take(order), day.names, day.labels[order], day.as_of[order], day.customers[order]
    )
    first, second = (fit_model(rows, DAYS[:1], WINDOWS)[1] for rows in (day, mixed))
    assert first.validated_on == second.validated_on


def test_a_large_table_is_sampled_by_customer() -> None:
    """All rows of a customer stay or go, and about as many as asked for."""
    part = ROWS.sample(900)
    counts = np.unique(part.customers, return_counts=True)[1]
    assert set(counts) == {len(DAYS)}
    assert 600 < len(part.labels) < 1200


def test_half_of_last_years_season_is_carried_on() -> None:
    """A year ago the same days saw more cases than the model says: risks move half the way."""
    before = DAYS[0]
    season = ROWS.labels.copy()
    mine = ROWS.as_of == np.datetime64(before)
    season[mine] = np.maximum(season[mine], np.random.default_rng(5).random(mine.sum()) < 0.5)
    rows = replace(ROWS, labels=season)
    plain, without = fit_model(rows, LAST, WINDOWS)
    model, recipe = fit_model(rows, LAST, WINDOWS, a_year_before=before)
    assert without.season is None
    assert recipe.season is not None
    assert recipe.season > 0.5
    assert recipe.carried_on == model.calibrator.b == pytest.approx(recipe.season / 2)
    np.testing.assert_array_equal(model.margin(ROWS.table), plain.margin(ROWS.table))


def test_the_rhythm_joins_only_labels_that_say_no_purchase() -> None:
    """Its contributions belong to the three columns it reads, and still add up."""
    days = np.maximum(ROWS.table["orders_count"].to_numpy(), 1.0)
    table = ROWS.table.append_column("purchase_days_count", pa.array(days))
    first = ROWS.table["tenure_days"]
    table = table.append_column("first_order_days", first)
    rows = replace(ROWS, table=table, names=tuple(table.column_names))
    bought = replace(WINDOWS, of_purchases=True)
    model, _ = fit_model(rows, LAST, bought)
    assert model.rhythm is not None
    assert fit_model(rows, LAST, WINDOWS)[0].rhythm is None
    contributions, base = model.contributions(rows.table)
    np.testing.assert_allclose(
        base + contributions.sum(axis=1), model.margin(rows.table), atol=1e-9
    )
