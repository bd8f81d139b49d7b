"""No future leaks: what becomes known at or after the cutoff changes no cell before it."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.histories import ROWS, TINY, computed, times_around, worlds

few = settings(max_examples=8, deadline=None)
IDS = ("customer_id", "order_id", "interaction_id", "contract_id", "contact_id", "observed_at")


@few
@given(worlds(), st.data())
def test_for_any_history_rows_known_at_or_after_the_cutoff_change_nothing(drawn, data):
    """Late rows and late corrections leave every feature of everybody as it was."""
    world, as_of, zone = drawn
    later = st.integers(0, 40).map(lambda days: as_of + timedelta(days=days))
    grown = {name: list(rows) for name, rows in world.items()}
    for name in set(world) - {"customers"}:  # what is known of customers has no history
        new_rows = ROWS[name](times_around(as_of))
        for number, new in enumerate(data.draw(st.lists(new_rows, max_size=3))):
            ids = {f"{kind}_id": f"late{number}" for kind in ("interaction", "contract", "contact")}
            known = {"known_at": data.draw(later), "superseded_at": None}
            grown[name].append(ids | new | known)
        for place, row in enumerate(world[name][:3]):
            if row["superseded_at"] is None:
                known = max(data.draw(later), row["known_at"] + TINY)
                same = {column: row[column] for column in IDS if column in row}
                grown[name][place] = row | {"superseded_at": known}
                correction = data.draw(new_rows) | same
                grown[name].append(correction | {"known_at": known, "superseded_at": None})
    before, after = computed(world, as_of, zone), computed(grown, as_of, zone)
    assert set(before) == set(after)
    for person, row in before.items():
        assert {name: after[person][name] for name in row} == row
