"""Of whom something came in since the night, and what is told of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from features.received.log import ReceivedLog, Since
from serving.online.logs import fault_of, log
from serving.online.moved import Moved, MovedCustomers
from serving.online.refreshing import MOMENT, Refreshing
from serving.online.scorer import (
    NOTHING,
    ONLINE_STORE,
    Body,
    View,
    moved_body,
    scored_texts,
    stored_body,
)

#: One look-up each below; above, everybody who moved is read at once.
_FEW = 20


class Movements:
    """What came in, laid over the night."""

    def __init__(
        self, received: ReceivedLog, moved: MovedCustomers, refreshing: Refreshing
    ) -> None:
        self._received, self._moved, self._refreshing = received, moved, refreshing
        self._caught_up: tuple[object, ...] = ()

    def of(self, view: View, customer_ids: Sequence[str]) -> dict[str, Since]:
        """Tell of whom something came in that the night does not have."""
        seq, at = view.standing.facts.received, view.standing.instant
        if len(customer_ids) > _FEW:
            wanted = self._received.customers(seq, at)
            customer_ids = [one for one in customer_ids if one in wanted]
        found = {one: self._received.since(one, seq, at) for one in customer_ids}
        return {one: since for one, since in found.items() if since.rows}

    def bodies(
        self, view: View, customer_ids: Sequence[str], language: str | None
    ) -> dict[str, Body]:
        """Tell what is known of those who moved; of others nothing."""
        since = self.of(view, customer_ids)
        if not since:
            return {}
        if view.cannot_score:
            return self._stored(view, since, language)
        found = self._looked_at(view, since)
        now = view.hashes
        told = {
            one: moved_body(moved, since[one].rows, language)
            for one, moved in found.items()
            if moved.models == now
        }
        others = [moved for one, moved in found.items() if one not in told]
        if others:
            told |= self._rescored(view, others, since, language)
        rest = {one: mine for one, mine in since.items() if one not in told}
        return self._stored(view, rest, language) | told

    def _looked_at(self, view: View, since: Mapping[str, Since]) -> dict[str, Moved]:
        """Return what was found after the last row of each, looking now where nobody did."""
        found = {one: moved for one in since if (moved := self._moved.find(one)) is not None}
        late = {
            one: mine.seq
            for one, mine in since.items()
            if not _is_fresh(view, found.get(one), mine)
        }
        if late:
            try:
                self._refreshing.refresh(view, late, _after(view, (since[one] for one in late)))
            except Exception as error:  # noqa: BLE001 - the night stands in; the watcher looks again
                log("look", fault=fault_of(error))
                return {one: moved for one, moved in found.items() if one not in late}
            found |= {one: moved for one in late if (moved := self._moved.find(one)) is not None}
        return found

    def catch_up(self, view: View) -> None:
        """Look at whom nobody looked at yet: a kill came between, or a new night did."""
        state = (self._received.last, view.standing.folder, view.accepted.folder, view.degraded)
        if state == self._caught_up or view.cannot_score:
            return
        customers = self._received.customers(view.standing.facts.received, view.standing.instant)
        marks = self._moved.marks()
        told_by_night = [one for one in marks if one not in customers]
        if told_by_night:
            self._moved.drop(told_by_night, view.standing.instant)
        online = ONLINE_STORE not in view.degraded
        late = {
            one: seq
            for one, seq in customers.items()
            if (mark := marks.get(one)) is None
            or mark.seq < seq
            or mark.as_of < view.standing.instant
            or (online and not mark.pushed)
        }
        if late:
            since = (self.of(view, [one]).get(one) for one in late)
            self._refreshing.refresh(view, late, _after(view, since))
        self._caught_up = state

    def _rescored(
        self,
        view: View,
        found: Sequence[Moved],
        since: Mapping[str, Since],
        language: str | None,
    ) -> dict[str, Body]:
        """Score customers with other models than those of the last look, from the online store."""
        ids = [one.customer_id for one in found if one.pushed]
        try:
            features = self._refreshing.read(view, ids)
        except Exception as error:  # noqa: BLE001 - each store's client has errors of its own
            log("online_store", fault=fault_of(error))
            return {}
        found = [one for one in found if one.pushed]
        asked = {
            target: pa.array([one.customer_id for one in found if target in one.asked], pa.string())
            for target in view.workspace.targets
        }
        told = scored_texts(view, features.drop_columns("event_timestamp"), asked)
        return {
            one.customer_id: Body(
                text=told.text(one.customer_id, language or one.language),
                as_of=one.as_of,
                cold_start=one.cold_start,
                events=since[one.customer_id].rows,
                evidence=told.evidence.get(one.customer_id),
            )
            for one in found
        }

    def _stored(
        self, view: View, since: Mapping[str, Since], language: str | None
    ) -> dict[str, Body]:
        """Tell what the night found, and how much came in since; of whom it knew nothing, that."""
        told = {}
        for one, mine in since.items():
            spot = view.standing.find(one)
            if spot is None:
                told[one] = Body(text=NOTHING, as_of=_after(view, [mine]), events=mine.rows)
            else:
                told[one] = stored_body(view, spot, language)._replace(events=mine.rows)
        return told


def _is_fresh(view: View, moved: Moved | None, since: Since) -> bool:
    return moved is not None and moved.seq >= since.seq and moved.as_of >= view.standing.instant


def _after(view: View, since: Iterable[Since | None]) -> datetime:
    """Return the instant after the newest of some rows, or of the night if that is later."""
    known = [one.received_at for one in since if one is not None and one.received_at is not None]
    return max([view.standing.instant, *(at + MOMENT for at in known)])
