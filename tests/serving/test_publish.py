"""Lists appear whole or not at all, and the newest is always to be found."""

import json
from datetime import date

import pytest

from features.errors import BrokenRecord, Conflict
from serving import publish as publishing
from serving.earlier_lists import list_before, list_dates, open_list
from serving.publish import draft_folder, predecessor, publish, show_latest

DAY, NEXT = date(2011, 12, 10), date(2011, 12, 11)


def put(lists, day, fingerprint):
    """Publish a list that holds nothing but its summary."""
    draft = draft_folder(lists, day)
    content = {"fingerprint": fingerprint, "counts": {"listed": 1}}
    (draft / "summary.json").write_text(json.dumps(content))
    return publish(lists, day, draft)


def test_publish_points_latest_to_the_newest_date(tmp_path):
    """A list of an older date, made later, does not become the latest."""
    put(tmp_path, NEXT, "a")
    put(tmp_path, DAY, "b")
    assert (tmp_path / "latest").readlink().name == "2011-12-11"
    assert list_dates(tmp_path) == [DAY, NEXT]


def test_publish_keeps_the_list_it_supersedes(tmp_path):
    """Old and new are both there, and each names the other."""
    put(tmp_path, DAY, "old")
    kept = predecessor(tmp_path, DAY)
    put(tmp_path, DAY, "new")
    assert kept == "2011-12-10.superseded-1"
    assert json.loads((tmp_path / kept / "summary.json").read_text())["fingerprint"] == "old"
    link = json.loads((tmp_path / kept / "superseded.json").read_text())
    assert link == {"superseded_by": "2011-12-10"}
    assert open_list(tmp_path, DAY).fingerprint == "new"
    assert list_dates(tmp_path) == [DAY]


def test_predecessor_is_the_same_after_a_kill_at_any_point(tmp_path, monkeypatch):
    """Killed after keeping the old list, or after taking it away, the new one names the same."""
    put(tmp_path, DAY, "old")
    expected = predecessor(tmp_path, DAY)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "point_to", killed)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, DAY, "new")
    assert predecessor(tmp_path, DAY) == expected
    monkeypatch.undo()
    (tmp_path / "2011-12-10").rename(tmp_path / ".gone")
    assert predecessor(tmp_path, DAY) == expected
    put(tmp_path, DAY, "new")
    assert predecessor(tmp_path, DAY) == "2011-12-10.superseded-2"


def test_latest_always_points_to_a_complete_list(tmp_path):
    """Stopped after the old list was taken away, `latest` shows the old one, kept."""
    put(tmp_path, DAY, "old")
    with pytest.raises(FileNotFoundError):
        publish(tmp_path, DAY, tmp_path / "no draft")
    assert not (tmp_path / "2011-12-10").exists()
    assert (tmp_path / "latest" / "summary.json").is_file()


def test_publish_refuses_to_replace_what_is_no_list(tmp_path):
    """A folder of the user's own is not thrown away."""
    (tmp_path / "2011-12-10").mkdir(parents=True)
    with pytest.raises(Conflict, match="holds no list"):
        put(tmp_path, DAY, "new")


def test_list_before_is_the_newest_earlier_one(tmp_path):
    """The first list has none before it."""
    put(tmp_path, DAY, "a")
    assert list_before(tmp_path, DAY) is None
    assert list_before(tmp_path, date(2012, 1, 1)).as_of == DAY


def test_open_list_names_a_damaged_summary(tmp_path):
    """A list that was changed is not trusted."""
    folder = put(tmp_path, DAY, "a")
    (folder / "summary.json").write_text("{")
    with pytest.raises(BrokenRecord, match="not the summary"):
        open_list(tmp_path, DAY)


def test_what_a_kill_left_aside_is_dropped(tmp_path):
    """Killed right after the exchange, the old list lies beside the new one, kept twice."""
    put(tmp_path, DAY, "a")
    (tmp_path / f".{DAY}.old").mkdir()
    show_latest(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2011-12-10", "latest"]
