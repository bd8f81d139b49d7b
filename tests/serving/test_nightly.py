"""The night, on a small shop: from accepted rows to a list, whole or not at all."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import features.feature_store
import training.registry
from features.errors import BadInput, BrokenRecord, Conflict, NotReady
from features.ingest import ingest
from features.settings import load_workspace
from features.whole import lease
from serving.nightly import NightlyChoices, nightly
from tests.serving.small_shop import AS_OF, CHAMPIONS, write_shop


@pytest.fixture(scope="module")
def shop_on_disk(tmp_path_factory):
    """Ingest the small shop once."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    ingest(load_workspace(folder))
    return folder


@pytest.fixture
def shop(shop_on_disk, tmp_path, monkeypatch):
    """Copy the ingested shop; its online store is tested elsewhere, and its models are made up."""
    folder = tmp_path / "shop"
    shutil.copytree(shop_on_disk, folder)
    monkeypatch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
    serve(monkeypatch, CHAMPIONS)
    return load_workspace(folder)


def serve(monkeypatch, champions):
    """Let the night find these champions."""
    monkeypatch.setattr(training.registry, "load_champion", lambda _, name: champions.get(name))


def listed(workspace, day=AS_OF):
    """Read a list back."""
    return pq.read_table(workspace.lists / f"{day}" / "risk_list.parquet", partitioning=None)


def files_of(folder):
    """Read every file but the run's times."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "run.json"}


def test_nightly_lists_the_union_of_the_populations(shop):
    """Who is only asked about complaints has no churn risk, and the other way round."""
    report = nightly(shop)
    rows = listed(shop)
    assert report.as_of == AS_OF
    assert rows.num_rows == report.counts["listed"] > 100
    assert pc.any(pc.is_null(rows["complaint_risk"])).as_py()
    assert not pc.any(
        pc.and_(pc.is_null(rows["churn_risk"]), pc.is_null(rows["complaint_risk"]))
    ).as_py()
    assert rows["decision_id"].null_count == 0
    assert len(set(rows["customer_id"].to_pylist())) == rows.num_rows


def test_a_risk_that_nobody_can_explain_is_not_listed(shop, monkeypatch):
    """Contributions that miss the margin stop the night; nothing is published."""

    def off(self, table):
        scores = CHAMPIONS["churn"].__class__.score(self, table)
        return replace(scores, margin=scores.margin + 1e-6)

    broken = SimpleNamespace(**vars(CHAMPIONS["churn"]))
    kind = type("Off", (CHAMPIONS["churn"].__class__,), {"score": off})
    champion = kind(**{name: getattr(broken, name) for name in vars(broken)})
    serve(monkeypatch, {**CHAMPIONS, "churn": champion})
    with pytest.raises(BrokenRecord, match="miss the margin"):
        nightly(shop)
    assert not (shop.lists / f"{AS_OF}").exists()


def test_nightly_writes_every_file_and_keeps_ids_as_text(shop):
    """Twenty digits stay twenty digits, and everything the design names is there."""
    folder = nightly(shop).folder
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "risk_list.parquet", "risk_list.csv", "risk_list.xlsx", "risk_list.html",
        "contacts_email.csv", "contacts_email.xlsx", "contacts_phone.csv", "contacts_phone.xlsx",
        "summary.json", "run.json",
    }  # fmt: skip
    assert {len(one) for one in listed(shop)["customer_id"].to_pylist()} == {20}
    assert (shop.lists / "latest" / "summary.json").is_file()


@pytest.mark.parametrize(("days", "told"), [(30, []), (360, []), (120, ["season_is_over"])])
def test_a_level_set_for_another_season_is_told(shop, monkeypatch, days, told):
    """A model trained for one season warns a third of a year later, and not around that day."""
    base_rate = {
        "trained": 0.3, "origins": {}, "season": 0.6, "carried_on": 0.3,
        "season_of": f"{AS_OF - timedelta(days=days)}",
    }  # fmt: skip
    judged = {"bands": [], "groups": [], "base_rate": base_rate}
    serve(monkeypatch, {"churn": replace(CHAMPIONS["churn"], judged=judged)})
    summary = json.loads((nightly(shop).folder / "summary.json").read_text())
    assert [w["code"] for w in summary["warnings"] if w["code"] == "season_is_over"] == told
    assert summary["judged"]["churn"]["base_rate"]["carried_on"] == 0.3


def test_nightly_respects_a_denied_consent(shop, monkeypatch):
    """Every seventh customer denied email: none of them is written to."""
    serve(monkeypatch, {"churn": CHAMPIONS["churn"]})
    nightly(shop, choices=NightlyChoices())
    rows = listed(shop)
    by_email = rows.filter(pc.equal(rows["channel"], "email"))["customer_id"].to_pylist()
    assert by_email
    assert not [one for one in by_email if int(one) % 7 == 0]
    assert json.loads((shop.lists / "latest" / "summary.json").read_text())["consent_checked"]


def test_nightly_twice_says_already_done(shop):
    """A finished night is never redone: not a byte changes."""
    folder = nightly(shop).folder
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}
    assert nightly(shop).status == "already_done"
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before


def test_nightly_refuses_another_list_unless_told_to_supersede(shop, monkeypatch):
    """A new model needs the user's word, and the old list is kept; both name each other."""
    first = nightly(shop)
    changed = {"churn": replace(CHAMPIONS["churn"], sha256="1" * 64, weights=(0.05, 0.0))}
    serve(monkeypatch, changed)
    with pytest.raises(Conflict, match="made from other models"):
        nightly(shop)
    second = nightly(shop, choices=NightlyChoices(supersede=True))
    kept = shop.lists / second.supersedes
    assert json.loads((kept / "summary.json").read_text())["fingerprint"] == first.fingerprint
    link = json.loads((kept / "superseded.json").read_text())
    assert link == {"superseded_by": f"{AS_OF}"}
    assert first.fingerprint != second.fingerprint


def test_nightly_without_models_leaves_everyone_alone_and_says_why(shop, monkeypatch):
    """No model, no risk, no contact; the list is there all the same."""
    serve(monkeypatch, {})
    report = nightly(shop)
    rows = listed(shop)
    assert set(rows["why_not"].to_pylist()) == {"no model with skill"}
    assert rows["churn_risk"].null_count == rows.num_rows
    assert report.counts["decisions"]["leave_alone"] == rows.num_rows


def test_nightly_says_who_came_and_went_since_the_last_list(shop):
    """A week later some have come by buying, and nobody loses the date since which one is on."""
    nightly(shop, date(2011, 6, 1))
    nightly(shop, date(2011, 6, 8))
    since = json.loads((shop.lists / "latest" / "summary.json").read_text())["since_last"]
    before, now = (set(listed(shop, date(2011, 6, d))["customer_id"].to_pylist()) for d in (1, 8))
    assert since["as_of"] == "2011-06-01"
    assert sum(since["listed"]["entered"].values()) == len(now - before)
    assert sum(since["listed"]["left"].values()) == len(before - now)
    assert since["changed"] == {"data": True, "model": False, "policy": False, "time": True}
    rows = listed(shop, date(2011, 6, 8)).to_pylist()
    assert {row["on_list_since"] for row in rows if row["customer_id"] in before} == {
        date(2011, 6, 1)
    }
    assert {row["on_list_since"] for row in rows if row["customer_id"] not in before} <= {
        date(2011, 6, 8)
    }


def test_nightly_does_not_publish_a_far_shorter_list_by_itself(shop):
    """Early in the data few customers are active; asked for after a full list, it stops."""
    nightly(shop, date(2011, 2, 1))
    workspace = replace(
        shop,
        targets={"churn": replace(shop.targets["churn"], active_within_days=1)},
    )
    with pytest.raises(Conflict, match="the last one held"):
        nightly(workspace, AS_OF)
    assert not (shop.lists / f"{AS_OF}").exists()
    assert nightly(workspace, AS_OF, choices=NightlyChoices(allow_small=True)).status == "written"


def test_nightly_refuses_a_date_before_the_data(shop):
    """There is nothing to say of it, and the message says from when on there is."""
    with pytest.raises(NotReady, match="no data before"):
        nightly(shop, date(2010, 1, 1))


def test_nightly_stops_on_a_stale_source_or_marks_every_row(shop):
    """A source promised within an hour, whose newest row is older."""
    source = replace(shop.sources["interactions"][0], fresh_within=timedelta(hours=1))
    workspace = replace(shop, sources={**shop.sources, "interactions": (source,)})
    with pytest.raises(BadInput, match="too old"):
        nightly(workspace)
    assert not shop.lists.exists()
    nightly(workspace, choices=NightlyChoices(allow_stale=True))
    rows = listed(shop)
    assert set(rows["stale_sources"].to_pylist()) == {"sources.interactions[0]"}
    sent = (shop.lists / "latest" / "contacts_email.csv").read_text("utf-8-sig")
    assert "stale_sources" in sent.splitlines()[0]


def test_second_night_at_once_is_told_who_is_at_work(shop):
    """One list at a time, and the message names the process."""
    with lease(shop.state / "nightly.lock", "x"), pytest.raises(Conflict, match=r"process \d+"):
        nightly(shop)


class Killed(BaseException):
    """Ends a run where a kill would."""


@contextmanager
def killed_at(monkeypatch, number):
    """Stop at the n-th file or folder that is put in its place; counts them all with none."""
    calls = SimpleNamespace(count=0)
    put = Path.replace

    def replace_or_die(self, target):
        calls.count += 1
        if calls.count == number:
            raise Killed
        return put(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_or_die)
        yield calls


def test_a_night_killed_anywhere_ends_with_the_same_bytes(shop, monkeypatch, tmp_path):
    """At each point where something is put in place: run again, it equals the unkilled run."""
    nightly(shop, date(2011, 6, 1))
    prepared = tmp_path / "prepared"
    shutil.copytree(shop.folder, prepared, symlinks=True)
    with killed_at(monkeypatch, None) as calls:
        folder = nightly(shop).folder
    unkilled = files_of(folder)
    assert calls.count > 5
    for number in range(1, calls.count + 1):
        shutil.rmtree(shop.folder)
        shutil.copytree(prepared, shop.folder, symlinks=True)
        with killed_at(monkeypatch, number), pytest.raises(Killed):
            nightly(shop)
        latest = (shop.lists / "latest").readlink().name
        assert (shop.lists / latest / "summary.json").is_file()
        if (shop.lists / f"{AS_OF}").exists():
            assert files_of(shop.lists / f"{AS_OF}") == unkilled
        nightly(shop)
        assert files_of(shop.lists / f"{AS_OF}") == unkilled
        assert (shop.lists / "latest").readlink().name == f"{AS_OF}"


def test_due_dates_count_from_local_midnight(shop, monkeypatch):
    """In Shanghai the day begins at 16:00 UTC the day before; the clock is never read."""
    serve(monkeypatch, {"churn": CHAMPIONS["churn"]})
    nightly(replace(shop, time_zone="Asia/Shanghai"), AS_OF)
    rows = listed(shop)
    due = {row["due_by"] for row in rows.to_pylist() if row["action"] == "retention_contact"}
    assert due - {None} == {datetime(2011, 7, 3, 16, tzinfo=UTC)}


def test_a_consent_withdrawn_after_the_night_makes_another_list(shop, monkeypatch):
    """Features know nothing of consents; "already done" would send what was since denied."""
    serve(monkeypatch, {"churn": CHAMPIONS["churn"]})
    nightly(shop)
    one = first_by_email(shop)
    with (shop.folder / "consents.csv").open("a") as file:
        file.write(f"{one},email,false,2011-06-30 08:00:00\n")
    ingest(shop)
    with pytest.raises(Conflict, match="made from other consents"):
        nightly(shop)
    assert nightly(shop, choices=NightlyChoices(supersede=True)).status == "written"
    sent = (shop.lists / f"{AS_OF}" / "contacts_email.csv").read_text("utf-8-sig")
    assert f'"{one}"' not in sent


def test_a_night_that_is_refused_leaves_the_online_store_alone(shop, monkeypatch):
    """A mistyped year lists nobody; loaded first, it would keep every later night out."""
    loaded = []
    monkeypatch.setattr(features.feature_store, "materialize", lambda *_, **__: loaded.append(1))
    with pytest.raises(NotReady, match="no customer is active"):
        nightly(shop, date(2031, 7, 1))
    assert not loaded


def test_a_list_ahead_of_its_data_says_so(shop):
    """Data end in June: a list of mid-July would take silence for absence."""
    assert "ahead_of_data" not in {w["code"] for w in nightly(shop).warnings}
    later = nightly(shop, date(2011, 7, 15))
    assert "ahead_of_data" in {w["code"] for w in later.warnings}


def first_by_email(workspace):
    """Name a customer who is written to."""
    rows = listed(workspace)
    return rows.filter(pc.equal(rows["channel"], "email"))["customer_id"][0].as_py()
