"""The training table: every row's features are as of its date, its label from after it."""

import csv
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.accepted import open_accepted
from features.errors import BadInput, NotReady
from features.ingest import ingest
from features.progress import SILENT
from features.settings import load_workspace
from features.snapshots import open_snapshot
from tests.training.made_rows import DAYS, TESTS, made_dataset
from training.dataset import training_set, with_folds, write_training_set
from training.labels import labels
from training.splits import plan, stratified_folds

MAPPING = """\
name: tiny-shop
sources:
  orders:
    uri: orders.csv
    columns: {customer_id: customer, ordered_at: bought, amount: amount, order_id: number}
targets:
  churn: {kind: lapse, active_within_days: 60, horizon_days: 30}
"""


def _orders():
    """Let customer n buy every so many weeks of 2011, for 10 + n; each fifth stops in May."""
    start = datetime(2011, 1, 3, 9)  # noqa: DTZ001 - a naive time of the file
    for customer in range(1, 31):
        for week in range(0, 52, 1 + customer % 8):
            if customer % 5 or week < 18:
                at = start + timedelta(weeks=week, hours=customer)
                yield f"c{customer:02d}", at.isoformat(sep=" "), 10 + customer, f"{customer}-{week}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Ingest the tiny shop, plan its churn and make the training table."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "forestay.yaml").write_text(MAPPING)
    with (folder / "orders.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("customer", "bought", "amount", "number"), *_orders()])
    workspace = load_workspace(folder)
    ingest(workspace, SILENT)
    accepted = open_accepted(workspace)
    target = workspace.targets["churn"]
    made = plan(workspace, accepted, target)
    return workspace, accepted, target, made, training_set(workspace, accepted, target, made)


def test_rows_are_the_labels_of_the_plan(shop):
    """One row for each label, in their order, with the same answers."""
    workspace, accepted, target, made, dataset = shop
    answers = labels(workspace, accepted, target, made.label_as_of)
    assert dataset.table.select(answers.schema.names).equals(answers)
    assert answers.num_rows > 0


def test_features_are_those_of_the_snapshot_of_the_date(shop):
    """What Feast joined is what the snapshot of the row's own date holds."""
    workspace, _, _, made, dataset = shop
    day = made.test_as_of[0]
    rows = dataset.on((day,))
    snapshot = open_snapshot(workspace, day)
    whole = snapshot.read(0).filter(pc.is_in(snapshot.read(0)["customer_id"], rows["customer_id"]))
    for name in dataset.catalogue.names:
        assert rows[name].combine_chunks().equals(whole[name].combine_chunks()), name


def test_model_features_are_a_part_of_the_columns(shop):
    """Descriptors come along for reports, but are not named as features of a model."""
    dataset = shop[-1]
    assert "recency_days" in dataset.feature_names
    assert "lifecycle_stage" not in dataset.feature_names
    assert set(dataset.feature_names) < set(dataset.table.column_names)


def test_the_same_data_give_the_same_fingerprint(shop):
    """Made again, from snapshots that are there already, the table is the same."""
    workspace, accepted, target, made, dataset = shop
    again = training_set(workspace, accepted, target, made)
    assert again.fingerprint == dataset.fingerprint
    assert again.table.equals(dataset.table)


def test_folds_tell_what_each_row_is_for(shop):
    """A test date's rows name it; every row names the models it trains."""
    made, dataset = shop[-2:]
    rows = with_folds(dataset).to_pylist()
    for row in rows:
        day, trains = row["as_of"], row["trains"].split(";")
        assert row["fold"] == (f"test {day}" if day in made.test_as_of else "train")
        for test in made.test_as_of:
            assert (f"{test}" in trains) == (day in made.train_for[test])
        assert ("served" in trains) == (day in made.final_train)


def test_a_date_that_only_shows_a_season_trains_nothing():
    """Its rows say so, so that a notebook does not fit on them by mistake."""
    made = made_dataset()
    oldest = DAYS[0]
    train_for = {test: days[-1:] for test, days in made.plan.train_for.items()}
    plan = replace(made.plan, train_for=train_for, a_year_before={TESTS[-1]: oldest})
    rows = with_folds(replace(made, plan=plan)).to_pylist()
    assert {(row["fold"], row["trains"]) for row in rows if row["as_of"] == oldest} == {
        ("season", "")
    }


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_training_set_is_written_whole(shop, tmp_path, suffix):
    """The file holds the very rows, with fold and trains, and nothing is left beside it."""
    dataset = shop[-1]
    path = tmp_path / f"rows{suffix}"
    write_training_set(with_folds(dataset), path)
    assert list(tmp_path.iterdir()) == [path]
    if suffix == ".parquet":
        assert pq.read_table(path).equals(with_folds(dataset))
    else:
        assert len(path.read_text().splitlines()) == dataset.table.num_rows + 1


@pytest.mark.parametrize(
    ("name", "problem"),
    [("rows.xlsx", "cannot be written as '.xlsx'"), ("nowhere/rows.csv", "No such file")],
)
def test_a_place_that_cannot_be_written_is_bad_input(shop, tmp_path, name, problem):
    """The message says what would do, and nothing is left behind."""
    with pytest.raises(BadInput, match=problem):
        write_training_set(with_folds(shop[-1]), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_one_date_is_folded_by_customer(shop):
    """Cross-validation: the fold is the one that evaluation uses."""
    dataset = shop[-1]
    day = dataset.plan.test_as_of[-1]
    single = replace(
        dataset,
        table=dataset.on((day,)),
        plan=replace(
            dataset.plan, test_as_of=(day,), train_for={day: (day,)}, cross_validated=True
        ),
    )
    folds = [int(fold) for fold in with_folds(single)["fold"].to_pylist()]
    assert folds == stratified_folds(single.table).tolist()


def test_nothing_to_learn_from_is_not_ready(shop):
    """A plan without a single date makes no table, and the message says why."""
    workspace, accepted, target, made, _ = shop

    empty = replace(made, test_as_of=(), train_for={}, inner={}, final_train=())
    with pytest.raises(NotReady, match="no date can be learnt from"):
        training_set(workspace, accepted, target, empty)
