"""Killed at any point of appending: what was acknowledged is there exactly once, and verifies."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from serving.ledger import verify
from tests.serving.ledgers_by_hand import leaf, open_in

REPOSITORY = Path(__file__).parents[2]
KILLS = 15
ONE = """
import sys
from pathlib import Path
from tests.serving.ledgers_by_hand import leaf, open_in
ledger = open_in(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9):
    ledger.append("decisions", {}, [leaf(3 * number + n, 500) for n in range(3)])
    print(number, flush=True)
"""
GROUP = """
import sys
from pathlib import Path
from serving.ledger import GroupCommit
from tests.serving.ledgers_by_hand import leaf, open_in
with GroupCommit(open_in(Path(sys.argv[1])), "score", {}, every_seconds=0.005) as commit:
    number = int(sys.argv[2])
    while True:
        waiting = [(n, commit.add(leaf(n, 500))) for n in range(number, number + 7)]
        for n, future in waiting:
            future.result()
            print(n, flush=True)
        number += 7
"""


@pytest.mark.parametrize(("script", "leaves"), [(ONE, 3), (GROUP, 1)], ids=["append", "group"])
def test_what_was_acknowledged_before_a_kill_is_there_once(tmp_path, script, leaves):
    """A process is killed at random moments, over and over, on one ledger."""
    draw = random.Random(7)  # noqa: S311 - moments, no secret
    acknowledged: list[int] = []
    start = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(start)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()
        time.sleep(draw.random() * 0.05)
        process.kill()
        rest, _ = process.communicate()
        # What was being written when the kill came is cut off, and was not acknowledged.
        told = [int(line) for line in (first + rest).splitlines(keepends=True) if line[-1] == "\n"]
        acknowledged += told
        start = max(told) + 10
    ledger = open_in(tmp_path)
    found = Counter(
        one for entry in ledger.entries("decisions", "score") for one in ledger.leaves(entry.seq)
    )
    assert len(acknowledged) > KILLS
    for number in acknowledged:
        for n in range(leaves):
            assert found[leaf(leaves * number + n, 500)] == 1
    assert max(found.values()) == 1
    assert not verify(ledger).faults
