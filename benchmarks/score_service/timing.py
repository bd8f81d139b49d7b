"""Tasks timed one after the other, over and over, so that a busy machine is fair to all of them."""

import statistics
import time
from collections.abc import Callable

WARM = 20


def alternately(tasks: dict[str, Callable], seconds: float) -> dict[str, list[float]]:
    """Time tasks one after the other, over and over; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(WARM):
        for task in tasks.values():
            task()
    until = time.monotonic() + seconds * len(tasks)
    while time.monotonic() < until or len(times[next(iter(tasks))]) < WARM:
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            times[name].append(1000 * (time.perf_counter() - began))
    return times


def median(times: list[float]) -> float:
    """Return the median."""
    return statistics.median(times)


def p99(times: list[float]) -> float:
    """Return the time that one in a hundred exceeds."""
    return sorted(times)[int(len(times) * 0.99)]
