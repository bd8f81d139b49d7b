"""`POST /events` and `POST /outcomes`: what happened, kept before it is answered."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.errors import BadInput, Unavailable
from features.received.log import Appended
from features.tables import CONTACTS, TABLES
from serving.online.engine import Engine
from serving.online.scorer import now_utc
from serving.service.deciding import Deciding
from serving.service.guard import Call
from serving.service.once import Once
from serving.service.scoring import Scoring

#: An answer waits so long for the look; the rows are kept, and are looked at all the same.
LOOK_SECONDS = 10.0


class Receiving:
    """Takes in rows."""

    def __init__(self, engine: Engine, scoring: Scoring, deciding: Deciding) -> None:
        self._engine, self._scoring, self._deciding = engine, scoring, deciding
        self._once = Once(engine.received)

    async def events(self, call: Call) -> Response:
        """Keep what happened, and answer with how its customers stand now."""

        async def work() -> bytes:
            message = call.question.root
            rows = [row.model_dump() for row in message.rows]
            _require_past(TABLES[message.table].event_time, rows)
            appended = await self._received(message.table, rows)
            customers = list(dict.fromkeys(row["customer_id"] for row in rows))
            scored = await self._scoring.told(call, customers, None)
            decided = await self._deciding.fired(call, customers) if appended.new else []
            head = json.dumps(_became(call, appended))[:-1].encode()
            decisions = b", ".join(one.model_dump_json().encode() for one in decided)
            return b'%b, "results": [%b], "decisions": [%b]}' % (
                head, b", ".join(scored.results), decisions,
            )  # fmt: skip

        return await self._once.answer(call, work)

    async def outcomes(self, call: Call) -> Response:
        """Keep what was done and how it was answered."""

        async def work() -> bytes:
            rows = [_named(row.model_dump()) for row in call.question.rows]
            _require_past(CONTACTS.event_time, rows)
            appended = await self._received(CONTACTS.name, rows)
            return json.dumps(_became(call, appended)).encode()

        return await self._once.answer(call, work)

    async def _received(self, table: str, rows: Sequence[Mapping[str, Any]]) -> Appended:
        future: Future[Appended] = await run_in_threadpool(self._engine.receive, table, rows)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), LOOK_SECONDS)
        except TimeoutError:
            raise Unavailable(
                "rows",
                "they could not be taken in within the time",
                f"an answer within {LOOK_SECONDS:g} seconds",
                "send them again with the same key: what was kept is not kept twice",
            ) from None


def _became(call: Call, appended: Appended) -> dict[str, Any]:
    call.note(customers=appended.new)
    return {
        "request_id": call.request_id,
        "received_at": appended.received_at.isoformat(),
        "new": appended.new,
        "duplicate": appended.duplicate,
    }


def _require_past(time: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what has not happened yet: ingest would put it into quarantine."""
    now = now_utc()
    for place, row in enumerate(rows):
        for name, value in row.items():
            late = hasattr(value, "tzinfo") and value > now
            if late and name in (time, "resolved_at", "outcome_at"):
                raise BadInput(
                    f"field rows.{place}.{name}",
                    "it lies ahead",
                    "an instant that is past",
                    "look at the clock of the sender, and its offset from UTC",
                )


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """Give a contact an id where the CRM gives none: the decision's, else what it is made of."""
    made = " ".join(str(row[name]) for name in ("customer_id", "action", "channel", "sent_at"))
    return row | {"contact_id": row["contact_id"] or row["decision_id"] or made}
