"""Rows that come in, one group after the other: kept first, then looked at all at once.

Whoever sends a row is answered when it is durable and the risks are anew. What arrives while a
group is at work makes the next one, so a crowd costs little more than one.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from features.errors import ForestayError, Unavailable
from features.received.log import Appended, ReceivedLog
from serving.online.logs import fault_of, log

#: Messages that may wait, and those of one group.
WAITING, TOGETHER = 1000, 50
#: Looks at customers, by the newest row of each, once everything up to an instant is kept.
Look = Callable[[Mapping[str, int], datetime], None]


@dataclass
class _Message:
    table: str
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    done: "Future[Appended]" = field(default_factory=Future)


class Intake:
    """A thread that keeps rows and has their customers looked at."""

    def __init__(self, received: ReceivedLog, look: Look) -> None:
        """Begin."""
        self._received, self._look = received, look
        self._waiting: queue.Queue[_Message | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def put(self, table: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> "Future[Appended]":
        """Hand over the rows of one message, each with its customer.

        Returns
        -------
        future : what became of them, once they are kept and their customers were looked at; the
            error, where they could not be kept.

        Raises
        ------
        Unavailable : too many messages wait.
        """
        message = _Message(table, rows)
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            raise Unavailable(
                "events", "more wait than can be taken in", f"at most {WAITING} messages",
                "ask again in a second",
            ) from None  # fmt: skip
        return message.done

    def close(self) -> None:
        """Take in what waits, and end."""
        self._waiting.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._gathered()
            kept = [(one, appended) for one in group if (appended := self._keep(one)) is not None]
            if kept:
                self._look_at(kept)

    def _gathered(self) -> tuple[list[_Message], bool]:
        group: list[_Message] = []
        one = self._waiting.get()
        while one is not None:
            group.append(one)
            if len(group) >= TOGETHER or self._waiting.empty():
                return group, True
            one = self._waiting.get()
        return group, False

    def _keep(self, message: _Message) -> Appended | None:
        if not message.done.set_running_or_notify_cancel():
            return None
        try:
            return self._received.append(message.table, message.rows, datetime.now(UTC))
        except ForestayError as error:
            message.done.set_exception(error)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            log("intake", fault=fault_of(error))
            message.done.set_exception(error)
        return None

    def _look_at(self, kept: Sequence[tuple[_Message, Appended]]) -> None:
        """Look at everybody of a group; the rows are kept, whatever comes of the look."""
        newest: dict[str, int] = {}
        for message, appended in kept:
            if message.table != "contacts" and appended.new:
                newest |= {customer: appended.seq for customer, _ in message.rows}
        at = max(appended.received_at for _, appended in kept)
        try:
            if newest:
                self._look(newest, at)
        except Exception as error:  # noqa: BLE001 - the watcher looks again; the rows are safe
            log("look", fault=fault_of(error))
        for message, appended in kept:
            message.done.set_result(appended)
