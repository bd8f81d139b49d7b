"""Who came and went between two lists."""

import pyarrow as pa

from serving.earlier_lists import ids_left, movements

BEFORE = pa.table(
    {
        "customer_id": ["stays", "wakes", "fades", "merged"],
        "decision": ["contact", "leave_alone", "contact", "leave_alone"],
    }
)
NOW = pa.table(
    {
        "customer_id": ["stays", "wakes", "fresh", "returns"],
        "decision": ["leave_alone", "contact", "contact", "leave_alone"],
        "quiet_days": [40.0, 0.5, 0.2, 9.0],
        "why_not": ["capacity_email", None, None, "below_cutoff"],
    }
)
LEFT = pa.table({"customer_id": ["fades"], "quiet_days": [181.0]})


def test_movements_count_who_came_and_went_by_what_moved_them():
    """One day passed: `fresh` bought today (data), `returns` did not (time), `fades` ran out."""
    since = {"days": 1, "model": False, "policy": False}
    found = movements(BEFORE, NOW, LEFT, since)
    assert found["listed"] == {"entered": {"data": 1, "time": 1}, "left": {"time": 2}}
    assert found["contacts"] == {"entered": {"data": 2}, "left": {"time": 2}}


def test_movements_of_contacts_name_the_broadest_change():
    """Under a new model nobody can say it was the data; under a new policy, nor the model."""
    since = {"days": 1, "model": True, "policy": False}
    assert movements(BEFORE, NOW, LEFT, since)["contacts"]["entered"] == {"model": 2}
    since["policy"] = True
    assert movements(BEFORE, NOW, LEFT, since)["contacts"]["left"] == {"policy": 2}
    assert movements(BEFORE, NOW, LEFT, since)["listed"]["entered"] == {"data": 1, "time": 1}


def test_movements_tell_who_rests_after_a_contact():
    """Contacted last night, left alone tonight: not because of data, model or policy."""
    resting = NOW.set_column(3, "why_not", [["limit_1", None, None, "below_cutoff"]])
    for policy in (False, True):
        since = {"days": 1, "model": False, "policy": policy}
        left = movements(BEFORE, resting, LEFT, since)["contacts"]["left"]
        assert left["outreach"] == 1


def test_ids_left_are_those_listed_before_only():
    """Whose features are looked up to say why."""
    assert sorted(ids_left(BEFORE, NOW).to_pylist()) == ["fades", "merged"]
