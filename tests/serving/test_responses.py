"""How customers answered: counts by channel and hour of their own day, and the last answer."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import BadInput
from serving.responses import last_outcomes, responses
from tests.oracles.accepted_data import write_accepted

AS_OF = datetime(2026, 9, 10, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def contact(number, **more):
    """Make an email to `c` on the 1st of September at 09:30 UTC, where nothing else is said."""
    usual = {
        "customer_id": "c", "sent_at": datetime(2026, 9, 1, 9, 30, tzinfo=UTC), "action": "write",
        "channel": "email", "contact_id": f"k{number}",
    }  # fmt: skip
    return usual | more


def counted(tmp_path, *contacts, customers=(), zone="UTC", **more):
    """Count responses, with contacts and customers written by hand."""
    world = {"contacts": contacts, **({"customers": customers} if customers else {})}
    accepted = write_accepted(tmp_path, world)
    found = responses(accepted, AS_OF, zone, more.pop("since", LONG_AGO), **more)
    return [tuple(row.values()) for row in found.to_pylist()]


def test_contacts_are_counted_by_channel_and_hour_with_their_answers(tmp_path):
    """Two emails at nine, one of them answered; a call at ten."""
    found = counted(
        tmp_path,
        contact(1),
        contact(2, outcome="reached"),
        contact(3, channel="phone", sent_at=datetime(2026, 9, 1, 10, tzinfo=UTC)),
    )
    assert found == [("c", "email", 9, 2, 1), ("c", "phone", 10, 1, 0)]


def test_hours_are_the_customers_own_where_their_zone_is_known(tmp_path):
    """09:30 UTC is 17:30 in Shanghai, 05:30 in New York, and 10:30 in a London summer."""
    people = {"c": "Asia/Shanghai", "d": "America/New_York", "e": "Middle/Earth", "f": None}
    found = counted(
        tmp_path,
        *(contact(i, customer_id=one) for i, one in enumerate([*people, "unknown"])),
        customers=[{"customer_id": one, "local_time_zone": zone} for one, zone in people.items()],
        zone="Europe/London",
    )
    assert {row[0]: row[2] for row in found} == {"c": 17, "d": 5, "e": 10, "f": 10, "unknown": 10}


def test_who_was_held_out_was_sent_nothing(tmp_path):
    """What they did is no answer, neither here nor as the last one."""
    held = contact(1, arm="held_out", outcome="bought")
    assert counted(tmp_path, held, contact(2, arm="treated")) == [("c", "email", 9, 1, 0)]
    assert last_outcomes(write_accepted(tmp_path, {"contacts": [held]}), AS_OF).num_rows == 0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"outcome_at": AS_OF}, (1, 0), id="answered-later"),
        pytest.param({"outcome_at": AS_OF - timedelta(microseconds=1)}, (1, 1), id="just-before"),
        pytest.param({"outcome_at": None}, (1, 1), id="time-not-known"),
        pytest.param({"sent_at": AS_OF}, None, id="sent-later"),
        pytest.param({"known_at": AS_OF}, None, id="known-later"),
        pytest.param({"superseded_at": AS_OF - timedelta(days=1)}, None, id="superseded"),
        pytest.param({"sent_at": LONG_AGO - timedelta(seconds=1)}, None, id="too-long-ago"),
        pytest.param({"sent_at": LONG_AGO}, (1, 1), id="first-instant"),
    ],
)
def test_only_what_was_known_and_recent_counts(tmp_path, more, expected):
    """Strictly before the night, from the given instant on."""
    found = counted(tmp_path, contact(1, outcome="reached", **more))
    assert [row[3:] for row in found] == ([expected] if expected else [])


def test_what_counts_as_an_answer_is_the_users_to_say(tmp_path):
    """A condition over the contract's columns; what it cannot compute is no answer."""
    sent = [contact(i, outcome=word) for i, word in enumerate(["reached", "busy", "17"])]
    assert counted(tmp_path, *sent, answered="outcome = 'reached'") == [("c", "email", 9, 3, 1)]
    cast = "CAST(outcome AS INTEGER) > 3"
    assert counted(tmp_path, *sent, answered=cast) == [("c", "email", 9, 3, 1)]


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        pytest.param("outcomes = 'x'", "did you mean `outcome`", id="misspelt"),
        pytest.param(
            "outcome", "gives VARCHAR, which is neither true nor false", id="no-condition"
        ),
        pytest.param("cost > DATE '2026-01-01'", "does not fit the columns", id="types"),
        pytest.param("(SELECT TRUE)", "not allowed", id="query"),
    ],
)
def test_what_is_no_condition_is_refused(tmp_path, answered, words):
    """Before anything is read, in four parts."""
    with pytest.raises(BadInput, match=words):
        counted(tmp_path, contact(1), answered=answered)


def test_without_contacts_there_are_no_responses(tmp_path):
    """The columns are there all the same."""
    accepted = write_accepted(tmp_path, {})
    found = responses(accepted, AS_OF, "UTC", LONG_AGO)
    assert found.column_names == ["customer_id", "channel", "hour", "sent", "answered"]
    assert found.num_rows == 0
    last = last_outcomes(accepted, AS_OF)
    assert last.column_names == ["customer_id", "last_outcome", "last_outcome_days"]


def test_the_last_answer_is_the_one_that_came_last(tmp_path):
    """Sent first but answered last; with no time of its own an answer came when it was sent."""
    sent = [
        contact(1, outcome="late", outcome_at=AS_OF - timedelta(hours=36)),
        contact(2, outcome="early", sent_at=datetime(2026, 9, 3, tzinfo=UTC)),
        contact(3, outcome="not yet", outcome_at=AS_OF),
        contact(4, customer_id="d", outcome="sent", sent_at=AS_OF - timedelta(days=2)),
        contact(5, customer_id="e"),
    ]
    found = last_outcomes(write_accepted(tmp_path, {"contacts": sent}), AS_OF).to_pylist()
    assert [tuple(row.values()) for row in found] == [("c", "late", 1.5), ("d", "sent", 2.0)]


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from("abc"),
            "channel": st.sampled_from(["email", "phone"]),
            "sent_at": st.integers(0, 12 * 24).map(lambda h: AS_OF + timedelta(hours=24 - h)),
            "outcome": st.sampled_from([None, "reached"]),
            "arm": st.sampled_from([None, "treated", "held_out"]),
        }
    ),
    max_size=12,
)
PEOPLE = [{"customer_id": "a", "local_time_zone": "Australia/Adelaide"}, {"customer_id": "b"}]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_for_any_history_the_counts_are_those_of_going_through_the_rows(tmp_path, rows):
    """The slow and obvious way, with Python's own clocks."""
    sent = [contact(i, **row) for i, row in enumerate(rows)]
    found = counted(tmp_path, *sent, customers=PEOPLE, zone="Europe/Paris")
    total, answered = Counter(), Counter()
    for row in rows:
        if row["arm"] != "held_out" and row["sent_at"] < AS_OF:
            own = row["customer_id"] == "a"
            zone = ZoneInfo("Australia/Adelaide" if own else "Europe/Paris")
            key = row["customer_id"], row["channel"], row["sent_at"].astimezone(zone).hour
            total[key] += 1
            answered[key] += row["outcome"] is not None
    assert found == [(*key, total[key], answered[key]) for key in sorted(total)]
    assert pa.array([row[3] for row in found], pa.int64()).null_count == 0
