"""Feast holds what the snapshots hold: for training, for one customer, and after every accident."""

import hashlib
import json
import runpy
import shutil
import sqlite3
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features import feature_store
from features.accepted import open_accepted
from features.catalogue import Catalogue, Feature, catalogue_for
from features.errors import BrokenRecord, NotReady, Unavailable
from features.feature_store import online
from features.feature_store.published import publish
from features.feature_store.registry import alone, define, feast_name, open_store
from features.ingest import ingest
from features.progress import SILENT
from features.settings import load_workspace
from features.snapshots import build_snapshots, open_snapshot, write_bucket
from features.workspace import Target, Workspace

FEAST_REPO = Path(feature_store.__file__).parents[1] / "feast_repo"
JUNE, JULY, AUGUST = date(2025, 6, 1), date(2025, 7, 1), date(2025, 8, 1)
BUCKETS = {0: ["0007", "anna"], 1: ["12345678901234567890", "李"], 2: []}
JUNE_2024, AUGUST_2024 = date(2024, 6, 1), date(2024, 8, 1)
ORDERS_ONLY = """
name: shop
time_zone: Europe/London
sources:
  orders:
    uri: orders.csv
    columns: {order_id: id, customer_id: c, ordered_at: t, amount: a}
targets:
  churn: {kind: lapse, active_within_days: 180, horizon_days: 60}
"""
EVERYONE = sorted(customer for bucket in BUCKETS.values() for customer in bucket)


def feature(name, view, **more):
    """Describe one feature to Feast, under a name of the user's own."""
    more = {"unit": "days", "source": "row", "reason": "PROFILE"} | more
    says = {"en": f"What {name} says"}
    return Feature(given_name=name, view=view, says=says, expression=abs, **more)


def catalogue_of(*features):
    """Return a catalogue of some features."""
    return Catalogue(everything=features, late={})


CATALOGUE = catalogue_of(
    feature("recency_days", "rfm"),
    feature("amount_total_365d", "rfm", unit="currency"),
    feature("lifecycle_stage", "rfm", dtype="text", model=False),
    feature("complaints_count_30d", "interactions", unit="count"),
    feature("Monthly Charges (€)", "profile"),
    feature("loyal_y", "profile"),
    feature("plan: kind", "profile", dtype="text"),
)
NAMES = list(CATALOGUE.names)


def values(day, customers):
    """Return one bucket's features; every number says its date, customer and column."""
    count = len(customers)
    base = day.month * 1000.0
    ranks = [EVERYONE.index(customer) for customer in customers]
    numbers = {
        "recency_days": [base + rank if rank else None for rank in ranks],
        "amount_total_365d": [0.1 + base * 3 + rank / 3 for rank in ranks],
        "complaints_count_30d": [None] * count,
        "Monthly Charges (€)": [-0.0 if rank else 1e-308 for rank in ranks],
        "loyal_y": [base + rank for rank in ranks],
    }
    texts = {
        "lifecycle_stage": ["new" if rank else None for rank in ranks],
        "plan: kind": ["" if rank else "Tarif «ü» 套餐" for rank in ranks],
    }
    return {name: pa.array(numbers[name], pa.float64()) for name in numbers} | {
        name: pa.array(texts[name], pa.string()) for name in texts
    }


def write_snapshot(workspace, day, buckets=BUCKETS, catalogue=CATALOGUE, version=0):
    """Write a snapshot as `features/snapshots.py` does, its values known beforehand."""
    tables = {}
    for bucket, customers in buckets.items():
        times = pa.array([workspace.midnight(day)] * len(customers), pa.timestamp("us", "UTC"))
        known = values(day, customers)
        tables[bucket] = pa.table(
            {"customer_id": pa.array(customers, pa.string())}
            | {"event_timestamp": times, "created": times}
            | {name: known[name] for name in catalogue.names}
        )
    write_tables(workspace, day, tables, catalogue, version)


def write_tables(workspace, day, tables, catalogue=CATALOGUE, version=0):
    """Replace the snapshot of a date by some tables, one a bucket."""
    folder = workspace.state / "snapshots" / f"as_of={day}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = []
    for bucket, table in tables.items():
        file = folder / f"bucket={bucket:03d}.parquet"
        write_bucket(table, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        files.append({"rows": table.num_rows, "sha256": digest})
    record = {
        "made_from": {
            "as_of": day.isoformat(),
            "instant": workspace.midnight(day).isoformat(),
            "data": f"version {version}",
            "catalogue": catalogue.fingerprint,
        },
        "files": files,
        "features": {feature.name: feature.dtype for feature in catalogue.features},
    }
    (folder / "snapshot.json").write_text(json.dumps(record), encoding="utf-8")


def snapshot(workspace, day):
    """Read a snapshot directly, without Feast."""
    files = sorted((workspace.state / "snapshots" / f"as_of={day}").glob("bucket=*.parquet"))
    return pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])


def rows(pairs, **more):
    """Return training rows of (customer, date) pairs."""
    customers, days = zip(*pairs, strict=True)
    return pa.table({"customer_id": customers, "as_of": pa.array(days, pa.date32())} | more)


def expected(workspace, pairs, names=NAMES):
    """Look every row up in its snapshot, the slow and obvious way."""
    days = {day for _, day in pairs}
    known = {
        (row["customer_id"], day): row
        for day in days
        for row in snapshot(workspace, day).to_pylist()
    }
    empty = dict.fromkeys(names)
    return [{name: known.get(pair, empty)[name] for name in names} for pair in pairs]


@pytest.fixture
def workspace(tmp_path):
    """Make a market in Shanghai with three snapshots; its midnights are not those of UTC."""
    churn = Target(name="churn", kind="lapse", horizon_days=90, active_within_days=180)
    made = Workspace(
        folder=tmp_path, name="shop", sources={}, targets={"churn": churn},
        time_zone="Asia/Shanghai",
    )  # fmt: skip
    for day in (JUNE, JULY, AUGUST):
        write_snapshot(made, day)
    return made


class Counted:
    """A progress that counts what it is told."""

    total = done = 0

    def step(self, words, *, total):  # noqa: ARG002 - only counts
        """Open a step."""
        self.total += total
        return nullcontext(self)

    def advance(self, parts=1):
        """Count the parts done."""
        self.done += parts


# -- registry ---------------------------------------------------------------------------------


def test_apply_registers_one_view_for_each_catalogue_view(workspace):
    """Views and services are those of the catalogue, with sentence, unit, source and lifetime."""
    feature_store.apply(workspace, CATALOGUE)
    store = open_store(workspace)
    views = {view.name: view for view in store.list_feature_views()}
    assert set(views) == {"rfm", "interactions", "profile"}
    assert [f.name for f in views["rfm"].features] == NAMES[:3]
    assert views["rfm"].features[0].description == "What recency_days says"
    assert views["rfm"].entities == ["customer"]
    assert timedelta() < views["rfm"].ttl < timedelta(hours=23)
    services = {service.name: service for service in store.list_feature_services()}
    assert set(services) == {"churn", "all"}


def test_apply_keeps_what_no_model_may_read_out_of_model_services(workspace):
    """The service of a target lacks `lifecycle_stage`; the service of all has it."""
    feature_store.apply(workspace, CATALOGUE)
    read = {
        service.name: {f.name for part in service.feature_view_projections for f in part.features}
        for service in open_store(workspace).list_feature_services()
    }
    assert read["all"] - read["churn"] == {"lifecycle_stage"}


def test_apply_twice_changes_nothing(workspace):
    """A second apply of the same catalogue makes no new version of a view."""
    feature_store.apply(workspace, CATALOGUE)
    feature_store.apply(workspace, CATALOGUE)
    versions = open_store(workspace).list_feature_view_versions("rfm")
    assert len(versions) <= 1


def test_apply_forgets_what_left_the_catalogue(workspace):
    """A view without features any more is gone, and the services do not name it."""
    feature_store.apply(workspace, CATALOGUE)
    smaller = catalogue_of(*(f for f in CATALOGUE.features if f.view != "profile"))
    feature_store.apply(workspace, smaller)
    store = open_store(workspace)
    assert {view.name for view in store.list_feature_views()} == {"rfm", "interactions"}
    parts = [p.name for s in store.list_feature_services() for p in s.feature_view_projections]
    assert "profile" not in parts


def test_apply_counts_what_the_registry_holds(workspace, monkeypatch):
    """A registry that lost an object is reported, not used."""
    import feast

    register = feast.FeatureStore.apply

    def lose_one(store, objects, **more):
        return register(store, [o for o in objects if o.name != "churn"], **more)

    monkeypatch.setattr(feast.FeatureStore, "apply", lose_one)
    with pytest.raises(BrokenRecord, match="1 views or services"):
        feature_store.apply(workspace, CATALOGUE)


@pytest.mark.parametrize("state", ["MATERIALIZING", "GENERATED", "CREATED"])
@pytest.mark.parametrize("loaded_before", [True, False])
def test_apply_opens_views_that_a_killed_load_left_closed(workspace, state, loaded_before):
    """The states in which Feast refuses every read, training included, do not outlive an apply."""
    write = {True: lambda: feature_store.materialize(workspace, CATALOGUE, JULY)}
    write.get(loaded_before, lambda: feature_store.apply(workspace, CATALOGUE))()
    leave_in_state(workspace, "profile", state)
    if state != "MATERIALIZING":
        with pytest.raises(ValueError, match="cannot serve"):
            read(workspace)
    feature_store.apply(workspace, CATALOGUE)
    known = expected(workspace, [(customer, JULY) for customer in EVERYONE])
    unknown = [dict.fromkeys(NAMES)] * len(EVERYONE)
    assert read(workspace).select(NAMES).to_pylist() == (known if loaded_before else unknown)


def leave_in_state(workspace, name, state):
    """Write a view's state past the registry, which ignores a change of the state alone."""
    from feast.feature_view import FeatureViewState

    view = open_store(workspace).get_feature_view(name)
    view.state = FeatureViewState[state]
    with sqlite3.connect(workspace.state / "feast" / "registry.db") as connection:
        connection.execute(
            "UPDATE feature_views SET feature_view_proto = ? WHERE feature_view_name = ?",
            (view.to_proto().SerializeToString(), name),
        )
    connection.close()


def test_each_reading_of_the_registry_has_a_version_of_its_own(workspace):
    """Feast keeps answers by address and version; an address alone is used again."""
    feature_store.apply(workspace, CATALOGUE)
    registry = open_store(workspace).registry
    versions = [registry.proto().version_id for _ in range(3)]
    assert all(versions)
    assert len(set(versions)) == 3


def test_apply_waits_for_its_turn(workspace, monkeypatch):
    """A second writer waits, and says who is in the way when it waited too long."""
    monkeypatch.setattr("features.feature_store.registry._LOCK_SECONDS", 0.05)
    with alone(workspace, "registry"), pytest.raises(Unavailable, match="another process"):
        feature_store.apply(workspace, CATALOGUE)


@pytest.mark.parametrize("name", ["recency_days", "orders_count_90d", "Contract", "own_gifts_7d"])
def test_feast_name_keeps_plain_names(name):
    """Names of ours are the same in Feast."""
    assert feast_name(name) == name


@pytest.mark.parametrize(
    "name", ["loyal_y", "a b", "x:y", "套餐", "1st", "created", "a__ts", "entity_row_id", "_a", "é"]
)
def test_feast_name_changes_names_that_feast_trips_over(name):
    """Whatever a user's column is called, its Feast name is plain and keeps it apart."""
    changed = feast_name(name)
    assert changed != name
    assert feast_name(changed) == changed
    assert changed.isascii()


def test_import_feast_leaves_the_process_as_it_was():
    """Importing Feast changes no warning filter of others and gives typeguard back."""
    code = """
import typeguard, warnings
from features.feature_store.registry import import_feast
before = list(warnings.filters), typeguard.typechecked
assert import_feast().FeatureStore
assert before == (list(warnings.filters), typeguard.typechecked)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_feast_itself_finds_the_same_definitions(workspace, monkeypatch):
    """`definitions.py` gives Feast's command the objects that `apply` registers."""
    monkeypatch.setattr("features.settings.value_of", lambda _: str(workspace.folder))
    monkeypatch.setattr("features.settings.load_workspace", lambda _: workspace)
    monkeypatch.setattr("features.accepted.open_accepted", lambda _: None)
    monkeypatch.setattr("features.catalogue.catalogue_for", lambda *_: CATALOGUE)
    found = runpy.run_path(str(FEAST_REPO / "definitions.py"))
    wanted = define(workspace, CATALOGUE)
    assert {key: item.name for key, item in wanted.items()}.items() <= {
        key: getattr(item, "name", None) for key, item in found.items()
    }.items()


def test_feast_itself_reads_the_same_configuration(workspace, monkeypatch):
    """`feature_store.yaml` means to Feast's command what it means to us."""
    from feast.repo_config import load_repo_config

    monkeypatch.setenv("FORESTAY_WORKSPACE", str(workspace.folder))
    theirs = load_repo_config(FEAST_REPO, FEAST_REPO / "feature_store.yaml")
    ours = open_store(workspace).config
    assert (theirs.registry.path, theirs.online_store.path) == (
        ours.registry.path,
        ours.online_store.path,
    )
    assert theirs.registry.serve_features_while_materializing
    assert theirs.materialization_config.online_write_batch_size == 2000


# -- training ---------------------------------------------------------------------------------


def test_training_features_equal_the_snapshots(workspace):
    """Row by row and bit by bit what the partitions hold: order, doubled rows, strangers, nulls."""
    pairs = [(c, day) for day in (AUGUST, JUNE, JULY) for c in reversed(EVERYONE)]
    pairs += [("anna", JUNE), ("nobody", JULY)]
    labels = pa.array([i % 2 for i in range(len(pairs))], pa.int8())
    table = feature_store.training_features(workspace, CATALOGUE, rows(pairs, label=labels), NAMES)
    assert table.column_names == ["customer_id", "as_of", "label", *NAMES]
    assert table.select(["customer_id", "as_of", "label"]).equals(rows(pairs, label=labels))
    assert table.select(NAMES).to_pylist() == expected(workspace, pairs)
    assert [table.schema.field(name).type for name in NAMES[:3]] == [
        pa.float64(), pa.float64(), pa.string(),
    ]  # fmt: skip


@pytest.mark.parametrize("batch_customers", [1, 2, 3, 100])
def test_training_features_do_not_depend_on_batches(workspace, batch_customers):
    """Customers one at a time give the same table as all together, and each batch is a step."""
    pairs = [(customer, day) for customer in EVERYONE for day in (JULY, JUNE)]
    counted = Counted()
    table = feature_store.training_features(
        workspace, CATALOGUE, rows(pairs), NAMES[::-1],
        batch_customers=batch_customers, progress=counted,
    )  # fmt: skip
    assert table.select(NAMES).to_pylist() == expected(workspace, pairs)
    assert counted.done == counted.total == -(-len(EVERYONE) // batch_customers)


def test_training_features_use_the_snapshot_of_the_very_instant(workspace):
    """At midnight it is the new snapshot, a microsecond before not yet, and never an old one."""
    midnight = workspace.midnight(JULY)
    moments = [midnight, midnight + timedelta(hours=20), midnight + timedelta(hours=23)]
    table = feature_store.training_features(
        workspace,
        CATALOGUE,
        pa.table(
            {
                "customer_id": ["anna"] * 3,
                "as_of": pa.array(moments, pa.timestamp("us", "UTC")),
            }
        ),
        ["loyal_y"],
    )
    july = expected(workspace, [("anna", JULY)])[0]["loyal_y"]
    assert table["loyal_y"].to_pylist() == [july, july, None]


def test_training_features_need_a_snapshot_of_each_date(workspace):
    """A date without snapshot is named, with the command that makes it."""
    with pytest.raises(NotReady, match=r"2025-09-01.*(\n.*)*forestay features"):
        feature_store.training_features(
            workspace, CATALOGUE, rows([("anna", date(2025, 9, 1))]), NAMES
        )


def test_training_features_see_no_snapshot_of_another_catalogue(workspace):
    """An old snapshot that lacks a column neither hides it nor stops the others."""
    older = catalogue_of(*CATALOGUE.features[:2])
    write_snapshot(workspace, date(2025, 1, 1), catalogue=older)
    pairs = [("anna", JUNE)]
    table = feature_store.training_features(workspace, CATALOGUE, rows(pairs), NAMES)
    assert table.select(NAMES).to_pylist() == expected(workspace, pairs)
    with pytest.raises(NotReady, match="2025-01-01"):
        feature_store.training_features(
            workspace, CATALOGUE, rows([("anna", date(2025, 1, 1))]), NAMES
        )


def test_training_features_follow_a_snapshot_that_was_built_anew(workspace):
    """Values of a rebuilt snapshot are seen, and a customer who left it is null."""
    pairs = [("anna", JUNE), ("0007", JUNE)]
    feature_store.training_features(workspace, CATALOGUE, rows(pairs), NAMES)
    write_snapshot(workspace, JUNE, {0: ["anna"], 1: [], 2: []}, version=1)
    table = feature_store.training_features(workspace, CATALOGUE, rows(pairs), NAMES)
    assert table.select(NAMES).to_pylist() == expected(workspace, pairs)
    assert table["loyal_y"].to_pylist()[1] is None


def test_training_features_refuse_a_damaged_partition(workspace):
    """One flipped bit in a page, which DuckDB would not notice, stops the training."""
    file = workspace.state / "snapshots" / f"as_of={JUNE}" / "bucket=000.parquet"
    data = bytearray(file.read_bytes())
    column_chunk = pq.read_metadata(file).row_group(0).column(4)
    data[column_chunk.data_page_offset + column_chunk.total_compressed_size // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(BrokenRecord, match=r"bucket=000.parquet"):
        feature_store.training_features(workspace, CATALOGUE, rows([("anna", JUNE)]), NAMES)


def test_training_features_notice_a_lost_row(workspace, monkeypatch):
    """If Feast ever drops a row again, training stops instead of learning from the rest."""
    from feast.infra.offline_stores.ibis import IbisRetrievalJob

    whole = IbisRetrievalJob._to_arrow_internal  # noqa: SLF001 - stands for a changed Feast
    monkeypatch.setattr(IbisRetrievalJob, "_to_arrow_internal", lambda job, **_: whole(job)[1:])
    with pytest.raises(BrokenRecord, match="lost or doubled"):
        feature_store.training_features(
            workspace, CATALOGUE, rows([("anna", JUNE), ("0007", JUNE)]), NAMES
        )


def test_training_features_of_no_rows_are_an_empty_table(workspace):
    """No rows give no rows, with all columns."""
    nothing = rows([("anna", JUNE)]).slice(0, 0)
    table = feature_store.training_features(workspace, CATALOGUE, nothing, NAMES)
    assert (table.num_rows, table.column_names) == (0, ["customer_id", "as_of", *NAMES])


def test_publish_unlinks_what_is_gone(workspace):
    """A snapshot that was deleted is not read any more."""
    publish(workspace, CATALOGUE)
    shutil.rmtree(workspace.state / "snapshots" / f"as_of={JUNE}")
    assert set(publish(workspace, CATALOGUE)) == {JULY, AUGUST}
    assert not list((workspace.state / "feast" / "offline").glob(f"as_of={JUNE}/*"))


# -- online -----------------------------------------------------------------------------------


def read(workspace, customers=tuple(EVERYONE), names=tuple(NAMES), hours=0):
    """Read online, some hours after August began."""
    at = workspace.midnight(AUGUST) + timedelta(hours=hours)
    return feature_store.online_features(workspace, CATALOGUE, customers, names, at=at)


def test_online_features_equal_the_snapshot(workspace):
    """Every value of every customer comes back exactly, nulls and empty texts included."""
    counted = Counted()
    done = feature_store.materialize(workspace, CATALOGUE, AUGUST, progress=counted)
    assert (done.status, done.as_of) == ("loaded", AUGUST)
    assert done.rows == {"rfm": 4, "interactions": 4, "profile": 4}
    assert counted.done == counted.total == len(BUCKETS)
    assert (
        read(workspace).select(["customer_id", *NAMES]).to_pylist()
        == (
            snapshot(workspace, AUGUST).sort_by("customer_id").select(["customer_id", *NAMES])
        ).to_pylist()
    )


def test_online_features_say_their_age(workspace):
    """Each view says of when it is and how old that is; an unknown customer has neither."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    table = read(workspace, ["stranger", "anna", "anna"], ["loyal_y", "recency_days"], hours=2)
    assert table.column_names[:3] == ["customer_id", "loyal_y", "recency_days"]
    midnight = datetime(2025, 7, 31, 16, tzinfo=UTC)
    assert table["event_timestamp__rfm"].to_pylist() == [None, midnight, midnight]
    assert table["age_seconds__profile"].to_pylist() == [None, 7200.0, 7200.0]
    assert table["loyal_y"].to_pylist()[0] is None


def test_online_features_are_read_in_parts(workspace, monkeypatch):
    """More customers than fit one statement come back whole and in order."""
    monkeypatch.setattr(online, "_READ_ROWS", 2)
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    asked = [*EVERYONE, "x", *reversed(EVERYONE)]
    assert read(workspace, asked)["customer_id"].to_pylist() == asked
    assert read(workspace, []).num_rows == 0


def test_materialize_never_lets_an_older_snapshot_overwrite(workspace):
    """After August, July changes nothing and says what is online."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    before = read(workspace)
    done = feature_store.materialize(workspace, CATALOGUE, JULY)
    assert (done.status, done.as_of) == ("kept_newer", AUGUST)
    assert read(workspace).equals(before)


def test_materialize_goes_on_to_a_newer_snapshot(workspace):
    """July, then August: values and times are August's, and Feast knows up to when."""
    feature_store.materialize(workspace, CATALOGUE, JULY)
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    assert read(workspace)["loyal_y"].to_pylist() == [8000.0, 8001.0, 8002.0, 8003.0]
    assert read(workspace)["age_seconds__rfm"].to_pylist() == [0.0] * 4
    ends = open_store(workspace).get_feature_view("rfm").materialization_intervals
    assert [end for _, end in ends] == [workspace.midnight(JULY), workspace.midnight(AUGUST)]


def test_materialize_overwrites_with_nulls(workspace):
    """A value that was known in July and is null in August reads null, not July's."""
    write_snapshot(workspace, JULY, {0: ["anna"]})
    feature_store.materialize(workspace, CATALOGUE, JULY)
    august = snapshot(workspace, AUGUST)
    nothing = [pa.nulls(1, august.schema.field(name).type) for name in NAMES]
    keys = august.select(["customer_id", "event_timestamp", "created"])
    anna = keys.filter(pc.equal(keys["customer_id"], "anna"))
    table = pa.table([*anna.columns, *nothing], names=[*keys.column_names, *NAMES])
    write_tables(workspace, AUGUST, {0: table})
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    assert read(workspace, ["anna"]).select(NAMES).to_pylist() == [dict.fromkeys(NAMES)]


def test_materialize_can_be_killed_anywhere_and_repeated(workspace, monkeypatch):
    """After every possible end, a repeated run gives the same store as an undisturbed one."""
    for stop in range(4):
        monkeypatch.undo()
        calls, write = [], online.write_rows  # - where the run is killed

        def killed(*arguments, calls=calls, write=write, stop=stop):
            if len(calls) == stop:
                raise KeyboardInterrupt
            calls.append(1)
            return write(*arguments)

        monkeypatch.setattr(online, "write_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            feature_store.materialize(workspace, CATALOGUE, AUGUST)
        monkeypatch.undo()
        assert feature_store.materialize(workspace, CATALOGUE, JULY).status == "kept_newer"
    assert feature_store.materialize(workspace, CATALOGUE, AUGUST).status == "loaded"
    pairs = [(customer, AUGUST) for customer in EVERYONE]
    assert read(workspace).select(NAMES).to_pylist() == expected(workspace, pairs)


def test_materialize_does_not_repeat_what_is_there(workspace, monkeypatch):
    """The same snapshot again is looked at, not written."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    monkeypatch.setattr(online, "write_rows", None)
    assert feature_store.materialize(workspace, CATALOGUE, AUGUST).status == "already_loaded"


def test_materialize_loads_a_snapshot_that_was_built_anew(workspace):
    """The same date with other values is loaded again."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    write_snapshot(workspace, AUGUST, {0: ["anna"], 1: [], 2: []}, version=1)
    assert feature_store.materialize(workspace, CATALOGUE, AUGUST).status == "loaded"


@pytest.mark.parametrize("name", ["online.db", "registry.db"])
def test_materialize_recovers_a_file_that_was_deleted(workspace, name):
    """A lost online store or registry is made again, whatever our own record says."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    (workspace.state / "feast" / name).unlink()
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    pairs = [(customer, AUGUST) for customer in EVERYONE]
    assert read(workspace).select(NAMES).to_pylist() == expected(workspace, pairs)


def test_materialize_reads_back_what_it_wrote(workspace, monkeypatch):
    """A store that loses a row is reported, and the run is not marked as complete."""
    from feast.infra.online_stores.sqlite import SqliteOnlineStore

    whole = SqliteOnlineStore.online_write_batch

    def lose_last(store, config, table, data, progress):
        return whole(store, config, table, data[:-1], progress)

    monkeypatch.setattr(SqliteOnlineStore, "online_write_batch", lose_last)
    with pytest.raises(BrokenRecord, match="what was written is not what is read"):
        feature_store.materialize(workspace, CATALOGUE, AUGUST)
    monkeypatch.undo()
    mark = workspace.state / "feast" / "online.json"
    assert json.loads(mark.read_text(encoding="utf-8"))["complete"] is False


def test_materialize_refuses_a_record_it_cannot_read(workspace):
    """A damaged record of what is online is an error, not a reason to overwrite."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    (workspace.state / "feast" / "online.json").write_text("{", encoding="utf-8")
    with pytest.raises(BrokenRecord, match=r"online\.json"):
        feature_store.materialize(workspace, CATALOGUE, JULY)


def test_materialize_lets_others_read_meanwhile(workspace, monkeypatch):
    """While a snapshot is being loaded, every customer is served, the old values or the new."""
    feature_store.materialize(workspace, CATALOGUE, JULY)
    write, seen = online.write_rows, []  # where others read in between

    def read_between(*arguments):
        done = write(*arguments)
        seen.append(read(workspace)["loyal_y"].to_pylist())
        return done

    monkeypatch.setattr(online, "write_rows", read_between)
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    assert len(seen) == 6  # two buckets with customers, three views
    assert all(value % 1000 == rank for found in seen for rank, value in enumerate(found))


def test_state_of_the_feature_store_is_all_in_the_workspace(workspace):
    """Nothing is written outside `.forestay/feast`, and the registry is a whole SQLite file."""
    feature_store.materialize(workspace, CATALOGUE, AUGUST)
    folder = workspace.state / "feast"
    assert {path.name for path in workspace.state.iterdir()} == {"feast", "snapshots"}
    with sqlite3.connect(folder / "registry.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_moved_workspace_works_where_it_is(workspace, tmp_path_factory):
    """A workspace that was copied to another folder reads its own snapshots, not the old ones."""
    feature_store.materialize(workspace, CATALOGUE, JULY)
    folder = tmp_path_factory.mktemp("moved") / "shop"
    Path(workspace.folder).rename(folder)
    moved = replace(workspace, folder=folder)
    pairs = [(customer, JUNE) for customer in EVERYONE]
    table = feature_store.training_features(moved, CATALOGUE, rows(pairs), NAMES)
    assert table.select(NAMES).to_pylist() == expected(moved, pairs)
    assert feature_store.materialize(moved, CATALOGUE, AUGUST).status == "loaded"


# -- from the accepted rows on -----------------------------------------------------------------


def test_real_snapshots_pass_through_feast_unchanged(tmp_path):
    """From orders to training rows and the online store: every feature of the real catalogue."""
    lines = [
        f"{i},c{i * i % 37},2024-0{1 + i % 8}-{1 + i % 27:02d} 10:00:00,{i}.5" for i in range(400)
    ]
    (tmp_path / "orders.csv").write_text("\n".join(["id,c,t,a", *lines]), encoding="utf-8")
    (tmp_path / "forestay.yaml").write_text(ORDERS_ONLY, encoding="utf-8")
    workspace = load_workspace(tmp_path)
    ingest(workspace, SILENT)
    accepted = open_accepted(workspace)
    catalogue = catalogue_for(accepted, workspace)
    build_snapshots(workspace, accepted, [JUNE_2024, AUGUST_2024])
    direct = {
        day: pa.concat_tables(
            [open_snapshot(workspace, day).read(bucket) for bucket in range(accepted.buckets)]
        )
        for day in (JUNE_2024, AUGUST_2024)
    }
    pairs = [(c, day) for day in direct for c in direct[day]["customer_id"].to_pylist()]
    names = list(catalogue.names)
    trained = feature_store.training_features(workspace, catalogue, rows(pairs), names)
    assert trained.select(names).equals(pa.concat_tables(direct.values()).select(names))
    feature_store.materialize(workspace, catalogue, AUGUST_2024)
    customers = direct[AUGUST_2024]["customer_id"].to_pylist()
    now = workspace.midnight(AUGUST_2024)
    served = feature_store.online_features(workspace, catalogue, customers, names, at=now)
    assert served.select(names).equals(direct[AUGUST_2024].select(names))
