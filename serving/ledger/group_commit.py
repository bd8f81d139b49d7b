"""Records of many callers committed together: a flush costs the same for one and a thousand.

Each caller waits until its own record is durable, at most about as long as the interval.
"""

import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Self

from features.errors import Unavailable
from serving.ledger.block import MOST
from serving.ledger.entry import Place
from serving.ledger.ledger import Ledger

#: Records that may wait; beyond, callers are told at once.
WAITING = 10_000


class GroupCommit:
    """A thread that appends what has gathered, over and over."""

    def __init__(
        self, ledger: Ledger, kind: str, body: Mapping[str, Any], *, every_seconds: float = 0.1
    ) -> None:
        """Begin; `body` stands in every entry."""
        self._ledger, self._kind, self._body, self._every = ledger, kind, body, every_seconds
        self._waiting: queue.Queue[tuple[bytes, Future[Place]] | None] = queue.Queue(WAITING)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def add(self, leaf: bytes) -> "Future[Place]":
        """Hand over a record.

        Returns
        -------
        future : its place, once it is durable; or the error for which it is not.

        Raises
        ------
        Unavailable : too many wait already.
        """
        future: Future[Place] = Future()
        try:
            self._waiting.put_nowait((leaf, future))
        except queue.Full:
            raise Unavailable(
                "ledger",
                "more records wait than can be written",
                f"at most {WAITING:,} at once",
                "ask again in a second",
            ) from None
        return future

    def close(self) -> None:
        """Write what is left and end."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.close()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._gathered()
            if group:
                self._commit(group)

    def _gathered(self) -> tuple[list[tuple[bytes, "Future[Place]"]], bool]:
        """Wait for the first, then for as long as the interval; False at the end."""
        first = self._waiting.get()
        if first is None:
            return [], False
        group, until = [first], time.monotonic() + self._every
        while len(group) < MOST:
            try:
                one = self._waiting.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                return group, True
            if one is None:
                return group, False
            group.append(one)
        return group, True

    def _commit(self, group: list[tuple[bytes, "Future[Place]"]]) -> None:
        try:
            entry = self._ledger.append(self._kind, self._body, [leaf for leaf, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must hear of it
            for _, future in group:
                future.set_exception(error)
            return
        for index, (_, future) in enumerate(group):
            future.set_result(Place(entry.seq, index))
