"""Whatever comes in, in whatever order, late or twice: a score at once equals one of the whole."""

import csv
import shutil
from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.ingest import ingest
from features.received.log import EVENTS, ReceivedLog
from features.settings import load_workspace
from serving.online.moved import MovedCustomers
from serving.online.refreshing import MOMENT, Refreshing, found_of, look
from serving.online.scorer import View
from serving.online.standing import open_standing
from tests.serving.small_shop import CHAMPIONS, write_recorded

#: The shop ends in 2011; these come in afterwards, about what happened before and after its end.
ARRIVAL = datetime(2011, 7, 3, 12, tzinfo=UTC)
CUSTOMERS = ("00000000000000000001", "00000000000000000002", "somebody new")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Decide for one night of the small shop; its models are made up."""
    folder = tmp_path_factory.mktemp("online") / "shop"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        write_recorded(folder, patch)
    return folder


def view_of(workspace):
    """Lay out what a service answers from."""
    accepted = open_accepted(workspace)
    return View(
        workspace=workspace, standing=open_standing(workspace), champions=CHAMPIONS,
        catalogue=catalogue_for(accepted, workspace), accepted=accepted, degraded=(),
        max_age=timedelta(days=9999),
    )  # fmt: skip


def named(shop, table, row):
    """Give a row an id of its customer: the first one stands in the shop's own file, too."""
    file, name = {
        "orders": ("orders.csv", "order_id"),
        "interactions": ("calls.csv", "interaction_id"),
    }[table]
    with (shop / file).open(newline="") as lines:
        own = [one["id"] for one in csv.DictReader(lines) if one["customer"] == row["customer_id"]]
    ids = [*own[:1], *(f"{row['customer_id']}/{number}" for number in range(4))]
    return row | {name: ids[row[name]]}


ORDER = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from(CUSTOMERS),
        "order_id": st.integers(0, 3),
        "line_id": st.sampled_from(["1", "2"]),
        "ordered_at": st.integers(0, 200 * 24).map(lambda hours: ARRIVAL - timedelta(hours=hours)),
        "amount": st.decimals("0.01", "999", places=2).map(float),
    }
)
INTERACTION = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from(CUSTOMERS),
        "interaction_id": st.integers(0, 3),
        "occurred_at": st.integers(0, 200 * 24).map(lambda hours: ARRIVAL - timedelta(hours=hours)),
        "kind": st.sampled_from(["complaint", "contact"]),
    }
)
MESSAGE = st.one_of(
    st.tuples(st.just("orders"), st.lists(ORDER, min_size=1, max_size=2)),
    st.tuples(st.just("interactions"), st.lists(INTERACTION, min_size=1, max_size=2)),
)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # shrinking takes an ingest a step
)
@given(messages=st.lists(MESSAGE, min_size=1, max_size=6), twice=st.integers(0, 5))
def test_for_any_events_the_score_at_once_is_that_of_a_whole_ingest(
    shop, tmp_path_factory, messages, twice
):
    """Features, populations, risks and words: all the same, for everybody who moved."""
    folder = tmp_path_factory.mktemp("one") / "shop"
    shutil.copytree(shop, folder, symlinks=True)
    workspace = load_workspace(folder)
    view, log, moved = view_of(workspace), ReceivedLog(workspace), MovedCustomers(workspace)
    refreshing = Refreshing(workspace, log, moved)
    refreshing.push = lambda *_: True  # the store is tested elsewhere
    messages = [*messages, messages[twice % len(messages)]]
    for number, (table, rows) in enumerate(messages):
        came = [(row["customer_id"], named(shop, table, row)) for row in rows]
        appended = log.append(table, came, ARRIVAL + timedelta(seconds=number))
        customers = dict.fromkeys((one for one, _ in came), appended.seq)
        refreshing.refresh(view, customers, appended.received_at + MOMENT)

    ingest(workspace)
    accepted = open_accepted(workspace)
    everybody = {row["customer_id"] for _, rows in messages for row in rows}
    found = {one: mine for one in everybody if (mine := moved.find(one)) is not None}
    for customer, mine in found.items():
        whole = look(view, accepted, mine.as_of)
        features = whole.features.filter(pc.equal(whole.features["customer_id"], customer))
        asked = {target: ids.filter(pc.equal(ids, customer)) for target, ids in whole.asked.items()}
        again = type(whole)(at=mine.as_of, accepted=accepted, features=features, asked=asked)
        (expected,) = found_of(view, again, {customer: mine.seq}, pushed=mine.pushed)
        assert mine == expected
    assert set(found) == everybody
    assert accepted.received == log.last


def test_what_came_in_is_counted_once_when_the_source_brings_it(shop, tmp_path):
    """The same order in the company's own file replaces what came in; nothing counts twice."""
    folder = tmp_path / "shop"
    shutil.copytree(shop, folder, symlinks=True)
    workspace = load_workspace(folder)
    log = ReceivedLog(workspace)
    row = {"customer_id": CUSTOMERS[0], "order_id": "late", "ordered_at": ARRIVAL, "amount": 5.0}
    log.append("orders", [(CUSTOMERS[0], row)], ARRIVAL)
    first = ingest(workspace)
    counts = {source.label: source for source in first.sources}
    assert counts[".forestay/received, orders"].accepted == 1
    with (folder / "orders.csv").open("a") as file:
        file.write(f"late,{CUSTOMERS[0]},{ARRIVAL:%Y-%m-%d %H:%M:%S},5\n")
    second = ingest(workspace)
    counts = {source.label: source for source in second.sources}
    assert counts[".forestay/received, orders"].duplicate == 1
    assert counts[".forestay/received, orders"].accepted == 0
    again = ingest(workspace)
    assert not again.changed
    assert again.fingerprint == second.fingerprint


def test_events_are_those_that_features_are_made_of():
    """Contacts count for later decisions, and not as events."""
    assert EVENTS == ("orders", "interactions")
