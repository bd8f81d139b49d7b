"""For any sequence of honest work on a ledger, nothing is reported, and nothing is lost."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.ledger import verify
from tests.serving.ledgers_by_hand import leaf, open_in

BODIES = st.dictionaries(
    st.text(max_size=5),
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(max_size=8)
    | st.lists(st.integers(0, 9), max_size=3),
    max_size=4,
)
WORK = st.one_of(
    st.tuples(st.just("append"), BODIES, st.sampled_from([0, 0, 1, 2, 3, 17, 1000])),
    st.tuples(st.just("expire"), st.integers(0, 30), st.none()),
    st.tuples(st.just("rotate"), st.none(), st.none()),
    st.tuples(st.just("reopen"), st.none(), st.none()),
    st.tuples(st.just("other"), BODIES, st.integers(0, 2)),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(WORK, max_size=12))
def test_for_any_honest_work_the_ledger_verifies(work):
    """Entries, records, expiries, new keys, reopenings, a second ledger beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder, beside = Path(name) / "one", Path(name) / "other"
        ledger, other = open_in(folder), open_in(beside)
        kept: dict[int, list[bytes]] = {}
        number = 0
        for what, body, count in work:
            if what in ("append", "other"):
                leaves = [leaf(number + n) for n in range(count)]
                number += count
                entry = (ledger if what == "append" else other).append("note", body, leaves)
                assert entry.body == body
                if what == "append" and leaves:
                    kept[entry.seq] = leaves
            elif what == "expire":
                over = list(kept)[: body % 3]
                ledger.expire(over, {})
                kept = {seq: leaves for seq, leaves in kept.items() if seq not in over}
            elif what == "rotate":
                ledger.rotate_signer()
            else:
                ledger.store.close()
                ledger = open_in(folder)
        for one in (ledger, other):
            assert not verify(one).faults
        for seq, leaves in kept.items():
            assert ledger.leaves(seq) == leaves
        assert verify(ledger).records == sum(len(leaves) for leaves in kept.values())
        ledger.store.close()
        other.store.close()
