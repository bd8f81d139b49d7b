"""`forestay outcomes`: what the CRM did comes back as accepted contacts, or nothing changes."""

import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from features.accepted import open_accepted, read_bucket
from features.errors import BadInput, BrokenRecord
from features.ingest import ingest
from features.settings import load_workspace
from serving.cli.group import forestay
from serving.outcomes import take_back
from tests.serving.lists_by_hand import write_list
from tests.serving.small_shop import YAML, write_csv, write_shop

ANN, BOB = "00000000000000000001", "00000000000000000002"
HEADER = ("customer_id", "sent_at", "action", "channel", "decision_id", "outcome", "outcome_at")
CALL = (ANN, "2011-06-20 10:00", "call", "phone", "d1", "", "")
LETTER = (BOB, "2011-06-21 11:00", "write", "email", "d2", "", "")
ANSWERED = (*CALL[:5], "reached", "2011-06-22 09:00")


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """Ingest the small shop once."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    folder.mkdir()
    write_shop(folder)
    ingest(load_workspace(folder))
    return folder


@pytest.fixture
def shop(ingested, tmp_path):
    """Copy the ingested shop; it maps no contacts."""
    return shutil.copytree(ingested, tmp_path / "shop")


def called(folder, *arguments, code=0):
    """Call a command for machines, and read its JSON."""
    done = CliRunner().invoke(forestay, [*arguments, "--json", "--workspace", str(folder)])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def given(folder, *rows, header=HEADER, name="crm.csv", code=0):
    """Write a file of rows and give it to the command."""
    write_csv(folder / name, header, rows)
    return called(folder, "outcomes", str(folder / name), code=code)


def counts(said):
    """Return what became of the file's rows."""
    return tuple(said[n] for n in ("read", "accepted", "duplicate", "superseded", "quarantined"))


def contacts(folder, workspace=None):
    """Read the accepted contacts back, each with its place in time; no customer's name is lost."""
    accepted = open_accepted(workspace or load_workspace(folder))
    if "contacts" not in accepted.tables:
        return []
    found = [read_bucket(accepted, "contacts", b) for b in range(accepted.buckets)]
    return sorted(pa.concat_tables(found).to_pylist(), key=lambda row: row["contact_id"])


def state_of(folder):
    """Every file below the state folder, with its time and content."""
    files = [p for p in (folder / ".forestay").rglob("*") if p.is_file() and p.suffix != ".lock"]
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def quarantined(folder):
    """All quarantined contacts: file, row, field, fault."""
    path = folder / ".forestay" / "quarantine" / "contacts.parquet"
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    return [(row["file"], row["row"], row["field"], row["fault"]) for row in rows]


def test_rows_are_accepted_at_once_where_no_contacts_are_mapped(shop):
    """All twenty digits of an id stay, and a decision's id is the contact's."""
    said = given(shop, CALL, LETTER)
    assert counts(said) == (2, 2, 0, 0, 0)
    assert said["status"] == "taken"
    first, second = contacts(shop)
    assert (first["customer_id"], first["contact_id"], first["decision_id"]) == (ANN, "d1", "d1")
    assert first["sent_at"] == first["known_at"] == datetime(2011, 6, 20, 10)  # noqa: DTZ001 - stored naive, in UTC
    assert (second["action"], second["channel"], second["outcome"]) == ("write", "email", None)


def test_people_read_what_became_of_the_file(shop):
    """Counts, what was not read, and until when there are data."""
    write_csv(shop / "crm.csv", (*HEADER, "note"), [(*CALL, "hello")])
    arguments = ["outcomes", str(shop / "crm.csv"), "--workspace", str(shop)]
    done = CliRunner().invoke(forestay, arguments)
    assert done.stdout.splitlines() == [
        "crm.csv taken: 1 read, 1 accepted, 0 duplicate, 0 superseded, 0 quarantined",
        "  columns not read: note",
        "  carried out a decision of an earlier list: 0",
        "data until 2011-06-30 10:00 UTC; accepted data changed",
    ]


@pytest.mark.parametrize("name", ["crm.csv", "crm.jsonl", "crm.parquet", "crm.csv.gz"])
def test_every_format_gives_the_same_contacts(shop, name):
    """A BOM, capitals in a header, typed columns: the contract's types come out."""
    sent_at = datetime(2011, 6, 20, 10, tzinfo=UTC)
    row = {"Customer_ID": ANN, "SENT_AT": f"{sent_at}", "action": "call", "channel": "phone"}
    row |= {"contact_id": "7", "cost": "4.5"}
    path = shop / name
    if name.endswith(".parquet"):
        row |= {"SENT_AT": sent_at, "cost": 4.5, "contact_id": 7}
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif name.endswith(".jsonl"):
        path.write_text(json.dumps(row) + "\n")
    else:
        text = f"\ufeff{','.join(row)}\n{','.join(row.values())}\n".encode()
        path.write_bytes(text if name.endswith(".csv") else gzip.compress(text))
    assert counts(called(shop, "outcomes", str(path))) == (1, 1, 0, 0, 0)
    (found,) = contacts(shop)
    assert (found["customer_id"], found["contact_id"]) == (ANN, "7")
    assert (found["sent_at"], float(found["cost"])) == (sent_at.replace(tzinfo=None), 4.5)


def test_the_same_file_twice_changes_nothing(shop):
    """Not a byte, whatever the file is called; and that is no fault."""
    given(shop, CALL, LETTER)
    before = state_of(shop)
    said = given(shop, CALL, LETTER, name="again.csv")
    assert (said["status"], counts(said)) == ("already_taken", (2, 2, 0, 0, 0))
    assert not said["ingest"]["changed"]
    assert state_of(shop) == before


def test_exports_that_overlap_count_once(shop):
    """A row given again is a duplicate of the one that is there."""
    given(shop, CALL)
    said = given(shop, CALL, LETTER, name="later.csv")
    assert counts(said) == (2, 1, 1, 0, 0)
    assert [row["contact_id"] for row in contacts(shop)] == ["d1", "d2"]


def test_a_later_file_adds_the_answer(shop):
    """It supersedes the row without one; sent once, answered once."""
    given(shop, CALL)
    said = given(shop, ANSWERED, name="later.csv")
    assert counts(said) == (1, 1, 0, 0, 0)
    assert said["ingest"]["sources"][-1]["superseded"] == 1
    assert [row["outcome"] for row in contacts(shop)] == ["reached"]


@pytest.mark.parametrize("sent_at", ["2011-06-20 09:55", "2011-06-20 10:05"])
def test_the_later_file_wins_whatever_time_it_gives(shop, sent_at):
    """A corrected time of sending is no second contact, and the answer is not lost."""
    given(shop, CALL)
    given(shop, (ANN, sent_at, *ANSWERED[2:]), name="later.csv")
    (row,) = contacts(shop)
    assert (f"{row['sent_at']:%Y-%m-%d %H:%M}", row["outcome"]) == (sent_at, "reached")
    assert row["superseded_at"] is None


def test_an_answer_taken_back_is_gone(shop):
    """The third file says what the first one said: it is the last word, no duplicate."""
    given(shop, CALL)
    given(shop, ANSWERED, name="second.csv")
    said = given(shop, CALL, LETTER, name="third.csv")
    assert counts(said) == (2, 2, 0, 0, 0)
    assert [row["outcome"] for row in contacts(shop)] == [None, None]


def test_a_contact_has_its_own_id_before_that_of_its_decision(shop):
    """Two calls for one decision are two contacts where the CRM tells them apart."""
    header = (*HEADER[:5], "contact_id")
    given(shop, (*CALL[:5], "k1"), (*CALL[:5], "k2"), (*CALL[:5], ""), header=header)
    assert [row["contact_id"] for row in contacts(shop)] == ["d1", "k1", "k2"]


def test_without_any_id_a_contact_is_its_customer_action_channel_and_instant(shop):
    """Written otherwise in a later export, it is still the same instant."""
    header = HEADER[:4]
    given(shop, (ANN, "2011-06-20 10:00", "call", "phone"), header=header)
    later = [(ANN, "2011-06-20T12:00:00+02:00", "call", "phone"), (*CALL[:3], "email")]
    said = given(shop, *later, header=header, name="later.csv")
    assert counts(said) == (2, 1, 1, 0, 0)
    assert len(contacts(shop)) == 2


def test_contacts_stand_beside_those_of_a_mapped_source(shop):
    """What was taken back is the last word on a contact both know."""
    write_csv(shop / "sent.csv", ["who", "day", "id"], [(ANN, CALL[1], "d1"), (BOB, CALL[1], "x")])
    mapped = (
        "  contacts:\n    uri: sent.csv\n    columns: {customer_id: who, sent_at: day,"
        " action: \"'call'\", channel: \"'phone'\", contact_id: id}\ntargets:"
    )
    (shop / "forestay.yaml").write_text(YAML.replace("targets:", mapped))
    called(shop, "ingest")
    said = given(shop, ANSWERED, LETTER)
    both = [s for s in said["ingest"]["sources"] if s["table"] == "contacts"]
    assert [(s["label"], s["accepted"], s["superseded"]) for s in both] == [
        ("sources.contacts[0]", 1, 1),
        (".forestay/outcomes", 2, 0),
    ]
    found = [(row["contact_id"], row["outcome"]) for row in contacts(shop)]
    assert found == [("d1", "reached"), ("d2", None), ("x", None)]


@pytest.mark.parametrize("command", [["ingest"], ["outcomes"]])
def test_what_was_taken_stays_accepted(shop, command):
    """By a later ingest of new orders, and by the next file of outcomes."""
    given(shop, CALL)
    with (shop / "orders.csv").open("a") as file:
        file.write(f"new,{ANN},2011-06-30 09:00:00,10\n")
    if command == ["outcomes"]:
        given(shop, LETTER, name="later.csv")
    else:
        assert called(shop, *command)["changed"]
    assert contacts(shop)[0]["contact_id"] == "d1"


def test_a_rehearsal_reads_the_same_outcomes(shop, tmp_path):
    """`forestay check` takes everything in elsewhere, and writes nothing here."""
    given(shop, CALL)
    with (shop / "orders.csv").open("a") as file:
        file.write(f"new,{ANN},2011-06-30 09:00:00,10\n")
    before = state_of(shop)
    said = called(shop, "check")
    assert (said["sources"][-1]["label"], said["sources"][-1]["accepted"]) == (
        ".forestay/outcomes", 1,
    )  # fmt: skip
    rehearsal = replace(load_workspace(shop), state_folder=tmp_path / "elsewhere")
    ingest(rehearsal)
    assert [row["contact_id"] for row in contacts(shop, rehearsal)] == ["d1"]
    assert state_of(shop) == before


def absent(path):
    """Leave no file."""


def empty(path):
    """Write no byte."""
    path.touch()


def header_only(path):
    """Write no row."""
    write_csv(path, HEADER, [])


def without_a_column(path):
    """Leave out a needed column; one is nearly called like it."""
    write_csv(path, ["customer_id", "sent", "action", "channel"], [CALL[:4]])


def damaged(path):
    """Write what is no text."""
    path.write_bytes(b"customer_id,sent_at\n\xff\xfe\x00")


def numbers_for_times(path):
    """Write seconds since 1970 where times belong."""
    columns = {"customer_id": [ANN], "sent_at": [1308564000], "action": ["a"], "channel": ["b"]}
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize(
    ("write", "name", "words"),
    [
        pytest.param(absent, "crm.csv", "there is no such file", id="absent"),
        pytest.param(empty, "crm.csv", "the file is empty", id="empty"),
        pytest.param(header_only, "crm.csv", "the file has no rows", id="no-rows"),
        pytest.param(without_a_column, "crm.csv", "no column `sent_at`", id="no-column"),
        pytest.param(without_a_column, "crm.csv", "did you mean `sent`", id="hint"),
        pytest.param(damaged, "crm.csv", "not UTF-8", id="not-text"),
        pytest.param(damaged, "crm.parquet", "not a Parquet file", id="no-parquet"),
        pytest.param(header_only, "crm.xlsx", "cannot be read", id="no-known-ending"),
        pytest.param(
            numbers_for_times, "crm.parquet", "column `sent_at`: gives BIGINT", id="types"
        ),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused(shop, write, name, words):
    """Exit 1 and four parts that name the file; nothing is kept, and nothing else suffers."""
    given(shop, CALL, name="first.csv")
    before = state_of(shop)
    write(shop / name)
    error = called(shop, "outcomes", str(shop / name), code=1)["error"]
    assert words in f"{error['where']}: {error['problem']}"
    assert name in error["where"]
    assert error["expected"]
    assert error["remedy"]
    assert state_of(shop) == before
    assert not called(shop, "ingest")["changed"]


def many(count, bad):
    """Make so many calls, the first ones with a time that is none."""
    times = ["soon"] * bad + [f"2011-06-20 10:{minute:02}" for minute in range(count - bad)]
    return [(ANN, at, "call", "phone", f"d{i}", "", "") for i, at in enumerate(times)]


def test_bad_rows_are_set_aside_with_their_place_and_fault(shop):
    """One time that is none, one row without a cell too few: the others are accepted."""
    rows = many(50, 1)
    rows.insert(7, (ANN, "2011-06-20"))
    said = given(shop, *rows)
    assert counts(said) == (51, 49, 0, 0, 2)
    assert said["faults"] == {"row: ragged_row": 1, "sent_at: not_a_time": 1}
    place = said["kept"]
    told = [(place, 1, "sent_at", "not_a_time"), (place, 8, "row", "ragged_row")]
    assert quarantined(shop) == told
    called(shop, "ingest")
    assert quarantined(shop) == told


def test_too_many_bad_rows_stop_the_command_and_nothing_is_kept(shop):
    """Judged by themselves, however many good rows other files brought."""
    given(shop, *many(60, 0), name="first.csv")
    accepted = contacts(shop)
    error = given(shop, *many(3, 1), name="second.csv", code=1)["error"]
    assert (error["where"], "second.csv, row 1" in error["problem"]) == ("second.csv", True)
    assert "1 of 3 rows (33.3%) have faults: sent_at: not_a_time (1)" in error["problem"]
    assert "Nothing was changed" in error["remedy"]
    assert contacts(shop) == accepted
    assert len(list((shop / ".forestay" / "outcomes").iterdir())) == 1
    assert not called(shop, "ingest")["changed"]


def test_another_source_that_cannot_be_read_stops_it_too(shop):
    """The rows could not be accepted at once, so the file is not kept."""
    (shop / "orders.csv").unlink()
    error = given(shop, CALL, code=1)["error"]
    assert "orders.csv" in error["problem"]
    assert not list((shop / ".forestay" / "outcomes").iterdir())


def test_how_dates_are_written_is_settled_for_each_file(shop):
    """Days first in one export, ISO in the next: neither changes how the other is read."""
    given(
        shop,
        *((ANN, f"{day}/06/2011 10:00", "call", "phone", f"d{day}", "", "") for day in (12, 13)),
    )
    given(shop, *((*CALL[:4], f"e{i}", "", "") for i in range(9)), name="iso.csv")
    found = {row["contact_id"]: row["sent_at"].day for row in contacts(shop)}
    assert (found["d12"], found["d13"], found["e8"]) == (12, 13, 20)
    assert quarantined(shop) == []


def test_clock_times_are_the_workspaces_own(shop):
    """Summer is an hour ahead; a missing spring hour is set aside, autumn takes the first."""
    (shop / "forestay.yaml").write_text(YAML + "time_zone: Europe/London\nquarantine_limit: 1\n")
    times = ["2011-06-20 10:00", "2011-03-27 01:30", "2010-10-31 01:30", "2011-06-20 10:00Z"]
    rows = [(ANN, at, "call", "phone", f"d{i}", "", "") for i, at in enumerate(times)]
    said = given(shop, *rows)
    assert said["faults"] == {"sent_at: missing_spring_hour": 1}
    found = {row["contact_id"]: f"{row['sent_at']:%m-%d %H:%M}" for row in contacts(shop)}
    assert found == {"d0": "06-20 09:00", "d2": "10-31 00:30", "d3": "06-20 10:00"}


def test_aliases_are_replaced(shop):
    """The CRM knows the customer by another id."""
    write_csv(shop / "aliases.csv", ["other", "customer"], [("crm-1", ANN)])
    columns = "{alias: other, customer_id: customer}"
    mapped = f"  aliases:\n    uri: aliases.csv\n    columns: {columns}\ntargets:"
    (shop / "forestay.yaml").write_text(YAML.replace("targets:", mapped))
    said = given(shop, ("crm-1", *CALL[1:]))
    assert said["ingest"]["alias_matched"] == 1
    assert [row["customer_id"] for row in contacts(shop)] == [ANN]


def test_a_later_contact_moves_the_present(shop):
    """Contacts are events like orders: the next night is the first midnight after them."""
    said = given(shop, (ANN, "2011-07-05 10:00", *CALL[2:]))
    assert said["ingest"]["data_until"] == "2011-07-05T10:00:00+00:00"
    assert open_accepted(load_workspace(shop)).data_until == datetime(2011, 7, 5, 10, tzinfo=UTC)


def test_a_present_that_is_stated_stays_and_later_contacts_wait(shop):
    """They are set aside until `data_until` is moved; then the same kept file gives them."""
    (shop / "forestay.yaml").write_text(YAML + "data_until: 2011-07-01\nquarantine_limit: 1\n")
    said = given(shop, CALL, (BOB, "2011-07-05 10:00", *LETTER[2:]))
    assert said["faults"] == {"sent_at: after_present": 1}
    assert said["ingest"]["data_until"] == "2011-07-01T00:00:00+00:00"
    (shop / "forestay.yaml").write_text(YAML + "data_until: 2011-07-06\n")
    called(shop, "ingest")
    assert [row["contact_id"] for row in contacts(shop)] == ["d1", "d2"]


def test_contacts_that_carried_out_a_decision_are_counted(shop):
    """By name, or as the open decision of the customer; what another team sent is not."""
    rows = [{"customer_id": ANN, "decision_id": "d1"}, {"customer_id": BOB, "decision_id": "b"}]
    rows.append({"customer_id": "x", "decision_id": "d3"})
    write_list(shop / "lists", date(2011, 6, 19), *rows)
    sent = [
        CALL,
        (BOB, "2011-06-20 10:00", "call", "email", "", "", ""),
        (BOB, "2011-06-20 10:00", "mail", "email", "", "", ""),
        (ANN, "2011-06-20 10:00", "call", "phone", "d3", "", ""),
    ]
    assert given(shop, *sent)["matched"] == 2
    again = given(shop, *sent, ("x", *CALL[1:4], "d3", "", ""), name="later.csv")
    assert (counts(again), again["matched"]) == ((5, 1, 4, 0, 0), 3)


def test_a_kept_file_that_was_changed_is_told(shop):
    """Nothing damaged is read as data, nor silently left out."""
    kept = shop / ".forestay" / "outcomes" / given(shop, CALL)["kept"]
    kept.write_bytes(kept.read_bytes()[:-9])
    with pytest.raises(BrokenRecord, match=kept.name):
        ingest(load_workspace(shop))


def test_a_folder_is_no_file(shop):
    """Nor is what a glob names: one file at a time."""
    with pytest.raises(BadInput, match="no such file"):
        take_back(load_workspace(shop), shop)


def test_no_file_is_wrong_usage(shop):
    """Usage is told apart from what is wrong with data."""
    assert called(shop, "outcomes", code=2)["error"]["where"] == "forestay outcomes"


KILLED = """
import os, sys
from pathlib import Path
from serving.cli import main
left = int(sys.argv.pop(1))
def counted(real):
    def call(path, *arguments, **named):
        global left
        left -= "quarantine" not in str(path)
        if left == 0:
            os._exit(9)
        return real(path, *arguments, **named)
    return call
for name in ("replace", "rename", "unlink"):
    setattr(Path, name, counted(getattr(Path, name)))
main()
"""


def test_a_command_killed_anywhere_leaves_the_old_or_the_new(shop, tmp_path):
    """No kill loses what was accepted or leaves half a file; the command again ends the same."""
    given(shop, CALL)
    write_csv(shop / "later.csv", HEADER, [ANSWERED, LETTER])
    prepared, old = shutil.copytree(shop, tmp_path / "prepared"), contacts(shop)
    called(shop, "outcomes", str(shop / "later.csv"))
    new, number, code = contacts(shop), 0, 9
    while code == 9:
        number += 1
        shutil.rmtree(shop)
        shutil.copytree(prepared, shop)
        command = ["outcomes", str(shop / "later.csv"), "--workspace", str(shop)]
        code = subprocess.run(
            [sys.executable, "-c", KILLED, f"{number}", *command], capture_output=True, check=False
        ).returncode
        assert contacts(shop) in (old, new)
        ingest(load_workspace(shop))
        assert contacts(shop) in (old, new)
        called(shop, *command[:2])
        assert contacts(shop) == new
    assert (code, number) == (0, 6)
