"""Run in a process of its own: promote many times, or be killed in the middle of it.

``python -m tests.training.promoting race FOLDER TIMES SEED`` prints what became of each attempt;
``... kill FOLDER EVERY`` forks a process for each place in the code at which it then dies.
"""

import importlib
import json
import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from features.errors import Conflict
from features.settings import prepare_process

WATCHED = ("training/promotion/promote.py", "training/promotion/history.py")


def race(folder: Path, times: int, seed: int) -> None:
    """Promote one of two versions, again and again, against others who do the same."""
    from tests.training.made_rows import made_workspace
    from training.promotion.promote import promote

    market, draw = made_workspace(folder), random.Random(seed)  # noqa: S311 - no secret
    print("ready", flush=True)  # noqa: T201 - its answer
    sys.stdin.readline()
    told = {"won": 0, "lost": 0}
    for _ in range(times):
        try:
            promote(market, "churn", draw.choice(["1", "2"]), by=f"process {seed}")
            told["won"] += 1
        except Conflict as refused:
            if "came first" not in refused.problem:
                raise
            told["lost"] += 1
    print(json.dumps(told), flush=True)  # noqa: T201 - its answer


def kill(folder: Path, every: int) -> None:
    """Die at every so many lines of a promotion, and say what serves after each.

    This process reads no model itself: LightGBM's threads do not survive a fork.
    """
    importlib.import_module("mlflow.store.model_registry.sqlalchemy_store")  # not in every child
    from tests.training.made_rows import made_workspace
    from training.promotion.history import promotions
    from training.promotion.promote import promote

    market = made_workspace(folder)
    at, found = 1, []
    while True:
        before = promotions(market, "churn")
        wanted = "1" if before[-1].version == "2" else "2"
        child = os.fork()
        if child == 0:
            _die_at(at)
            promote(market, "churn", wanted, by="somebody")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        after = promotions(market, "churn")
        killed, more = os.WIFSIGNALED(status), len(after) - len(before)
        found.append([before[-1].version, wanted, after[-1].version, more, killed])
        if not os.WIFSIGNALED(status):
            break
        at += every
    print(json.dumps(found), flush=True)  # noqa: T201 - its answer


def _die_at(number: int) -> None:
    """Kill the process at the so manieth line of the watched files, each counted once."""
    seen = set()

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(WATCHED):
            return None
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        if len(seen) >= number:
            os.kill(os.getpid(), signal.SIGKILL)
        return watch

    sys.settrace(watch)


if __name__ == "__main__":
    prepare_process()
    what, where, *numbers = sys.argv[1:]
    {"race": race, "kill": kill}[what](Path(where), *(int(number) for number in numbers))
