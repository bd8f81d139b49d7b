"""Earlier lists and accepted contacts, gathered for the night that comes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from features.errors import BrokenRecord
from features.workspace import Workspace
from proactive_rules.decisions_before import SETTLED
from serving.decisions_before import decisions_before
from tests.oracles.accepted_data import write_accepted
from tests.serving.lists_by_hand import write_list

GRACE = timedelta(days=7)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NIGHT = date(2026, 9, 9)


def at(day, hour=12):
    """Noon of a day of September, where no hour is said."""
    return datetime(2026, 9, day, hour, tzinfo=UTC)


def contact(**more):
    """Make a call to `c` on the 3rd, where nothing else is said."""
    usual = {"customer_id": "c", "sent_at": at(3), "action": "call", "channel": "phone"}
    return usual | {"contact_id": "k"} | more


@pytest.fixture
def workspace(tmp_path):
    """Make an empty workspace in UTC."""
    return Workspace(folder=tmp_path, name="w", sources={}, targets={})


def before(workspace, *contacts, since=LONG_AGO, night=NIGHT):
    """Gather for a night, with contacts written by hand."""
    accepted = write_accepted(workspace.folder / "accepted", {"contacts": contacts})
    return decisions_before(workspace, accepted, night, since, GRACE).to_pylist()


def test_decisions_of_earlier_lists_meet_the_contacts_that_carried_them_out(workspace):
    """One was done, by its id; one holds its place, one was given up; tonight's is not read."""
    write_list(workspace.lists, date(2026, 8, 20), {"customer_id": "a", "decision_id": "old"})
    write_list(
        workspace.lists,
        date(2026, 9, 2),
        {"customer_id": "b", "decision_id": "open"},
        {"customer_id": "c", "decision_id": "done"},
        {"customer_id": "d", "decision_id": "none", "decision": "leave_alone"},
    )
    write_list(workspace.lists, NIGHT, {"customer_id": "b", "decision_id": "tonight"})
    found = before(workspace, contact(decision_id="done", cost=3))
    assert [(r["decision_id"], r["state"], r["at"], r["cost"]) for r in found] == [
        ("old", "not_done", datetime(2026, 8, 20, tzinfo=UTC), None),
        ("open", "reserved", at(2, 0), None),
        ("done", "sent", at(3), 3.0),
    ]


def test_a_decision_was_made_at_the_workspaces_midnight(tmp_path):
    """In Shanghai the 2nd begins at 16:00 UTC of the 1st."""
    workspace = Workspace(
        folder=tmp_path, name="w", sources={}, targets={}, time_zone="Asia/Shanghai"
    )
    write_list(workspace.lists, date(2026, 9, 2), {"customer_id": "c", "decision_id": "d"})
    (row,) = before(workspace)
    assert row["at"] == at(1, 16)


def test_nothing_decided_or_sent_before_the_given_instant_is_read(workspace):
    """The caller knows how far back its limits look; the instant itself counts."""
    for day in (1, 2):
        row = {"customer_id": "b", "decision_id": f"d{day}"}
        write_list(workspace.lists, date(2026, 9, day), row)
    found = before(
        workspace,
        contact(contact_id="k1", sent_at=at(1)),
        contact(contact_id="k2", sent_at=at(2, 0)),
        since=at(2, 0),
    )
    assert [(r["decision_id"], r["state"]) for r in found] == [("d2", "reserved"), (None, "sent")]


def test_contacts_are_read_as_they_were_known_before_the_night(workspace):
    """Neither of the night itself, nor known later, nor superseded by then."""
    found = before(
        workspace,
        contact(contact_id="k1", sent_at=at(9, 0)),
        contact(contact_id="k2", known_at=at(11)),
        contact(contact_id="k3", superseded_at=at(5)),
        contact(contact_id="k4", channel="email"),
    )
    assert [(r["channel"], r["state"]) for r in found] == [("email", "sent")]


def test_a_superseded_list_does_not_count(workspace):
    """Its decisions were taken back when another list took its place."""
    folder = write_list(workspace.lists, date(2026, 9, 2), {"customer_id": "c", "decision_id": "d"})
    folder.rename(workspace.lists / "2026-09-02.superseded-by-hand")
    assert before(workspace) == []


def test_without_accepted_contacts_every_decision_is_open_or_given_up(workspace):
    """Nobody maps contacts, and no outcomes came back."""
    write_list(workspace.lists, date(2026, 9, 2), {"customer_id": "c", "decision_id": "d"})
    accepted = write_accepted(workspace.folder / "accepted", {})
    found = decisions_before(workspace, accepted, NIGHT, LONG_AGO, GRACE)
    assert found["state"].to_pylist() == ["reserved"]
    assert found.schema == SETTLED


def test_a_damaged_list_is_told_and_not_read_as_empty(workspace):
    """Else everybody on it would be contacted again."""
    folder = write_list(workspace.lists, date(2026, 9, 2), {"customer_id": "c", "decision_id": "d"})
    path = folder / "risk_list.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BrokenRecord, match=r"risk_list\.parquet"):
        before(workspace)
