"""Decisions between the nights: the one that stands, or a new one when something came in."""

import threading
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import NotReady, Unavailable
from features.received.live import live_accepted
from features.received.log import ReceivedLog
from features.whole import wait_for_lease
from proactive_rules.decisions_before import HOLDING
from proactive_rules.situation import BEFORE
from serving.audit.online_decisions import Asked, decision_id_of, online_facts, record_online
from serving.audit.reading import RecordedNight, Records
from serving.audit.recording import record_name
from serving.online.deciding import Fresh, decide_now
from serving.online.moved import MovedCustomers
from serving.online.refreshing import MOMENT, look
from serving.online.scorer import View, now_utc

_KEPT = ("decision", "action", "channel", "owner", "due_by")


class Stands(NamedTuple):
    """A decision that is on record: its id, what it says, and whether it was there before."""

    decision_id: str
    decision: str
    action: str | None
    was_there: bool


class Decisions:
    """Decides for single customers and puts it on record."""

    def __init__(self, records: Records, received: ReceivedLog, moved: MovedCustomers) -> None:
        self._records, self._received, self._moved = records, received, moved
        self._nights: dict[str, RecordedNight] = {}
        self._lock = threading.Lock()

    def decide(self, view: View, customer_id: str, caller: str, key: str) -> Stands:
        """Return the decision that stands, or make a new one and put it on record.

        Raises
        ------
        NotReady : the customer is not known, or nobody decides about it.
        """
        with self._lock, wait_for_lease(self._moved.folder / "decide.lock"):
            stands = self._standing(view, customer_id)
            if stands is not None and not self._came_in(view, customer_id):
                return stands
            made = self._made(view, customer_id, (caller, key), stands)
            if made is None:
                raise _nobody_decides()
            return made

    def fired(self, view: View, customer_id: str, caller: str, key: str) -> Stands | None:
        """Decide anew because something came in; on record only where it is another decision."""
        if view.cannot_score:
            return None
        with self._lock, wait_for_lease(self._moved.folder / "decide.lock"):
            stands = self._standing(view, customer_id)
            made = self._made(view, customer_id, (caller, key), stands, only_if_other=True)
        return made if made is not None and made.decision in HOLDING else None

    def rehearse(self, view: View) -> None:
        """Look at somebody and decide, for nobody: the first time compiles what all others use."""
        (somebody,) = view.standing.some(1)["customer_id"].to_pylist()
        asked = self._asked(view, ("", ""))
        self._fresh(view, self._night(view), somebody, asked)

    def _standing(self, view: View, customer_id: str) -> Stands | None:
        """Return the newest decision: one made since the night, else the night's."""
        last = self._moved.last_decision(customer_id, view.standing.instant)
        if last is not None and last["night"] == view.standing.facts.fingerprint:
            return Stands(last["decision_id"], last["decision"], last["action"], was_there=True)
        spot = view.standing.find(customer_id)
        if spot is None or view.standing.value(spot, "decision_id") is None:
            return None
        told = [view.standing.value(spot, n) for n in ("decision_id", "decision", "action")]
        return Stands(told[0], told[1], told[2], was_there=True)

    def _came_in(self, view: View, customer_id: str) -> bool:
        """Tell whether anything came in since the newest decision."""
        last = self._moved.last_decision(customer_id, view.standing.instant)
        if last is not None and last["night"] == view.standing.facts.fingerprint:
            return self._received.any_after(customer_id, int(last["received"]))
        seq, at = view.standing.facts.received, view.standing.instant
        return self._received.any_after(customer_id, seq, at)

    def _made(
        self,
        view: View,
        customer_id: str,
        asked_by: tuple[str, str],
        stands: Stands | None,
        *,
        only_if_other: bool = False,
    ) -> Stands | None:
        if view.cannot_score:
            raise Unavailable(
                "models",
                "none could be loaded, and a new decision needs risks as they are now",
                "the registry of the models",
                "bring it back, and ask again",
            )
        night = self._night(view)
        asked = self._asked(view, asked_by)
        facts = online_facts(view.workspace, night, asked)
        decision_id = decision_id_of(facts, customer_id)
        row = self._on_record(decision_id)  # a kill came between the record and the answer
        if row is None:
            fresh = self._fresh(view, night, customer_id, asked)
            if fresh is None:
                return None
            row = fresh.decided.table.select(["customer_id", *_KEPT]).to_pylist()[0]
            is_same = stands is not None and (row["decision"], row["action"]) == stands[1:3]
            if only_if_other and is_same:
                return None
            history = {"before": fresh.before, "responses": fresh.responses}
            whole = (fresh.scored, fresh.decided.table, history, facts)
            record_online(self._records.ledger, self._records.keyring, night, asked, whole)
        kept = {
            **row,
            "decision_id": decision_id,
            "replaces": stands.decision_id if stands else None,
            "night": view.standing.facts.fingerprint,
            "received": asked.received,
            "decided_at": asked.at.isoformat(),
        }
        self._moved.put_decision(kept, asked.at)
        return Stands(decision_id, row["decision"], row["action"], was_there=False)

    def _on_record(self, decision_id: str) -> dict[str, Any] | None:
        found, _ = self._records.of_decisions([decision_id])
        if not found:
            return None
        rows = found[0].parts.decision.select(["customer_id", *_KEPT]).to_pylist()
        return dict(rows[0])

    def _fresh(
        self, view: View, night: RecordedNight, customer_id: str, asked: Asked
    ) -> Fresh | None:
        before = self._before(view, night, customer_id)
        with live_accepted(
            view.workspace, view.accepted, self._received, [customer_id], asked.received
        ) as mine:
            looked = look(view, mine, asked.at)
            return decide_now(view, night, looked, before, self._taken(view))

    def _asked(self, view: View, asked_by: tuple[str, str]) -> Asked:
        caller, key = asked_by
        received = self._received.last
        at = max(now_utc(), self._received.last_at + MOMENT, view.standing.instant)
        return Asked(
            caller=caller,
            key=key,
            at=at,
            day=view.workspace.local_date(at),
            received=received,
            models={
                target: {"version": one.version, "sha256": one.sha256, "run_id": one.run_id}
                for target, one in sorted(view.champions.items())
            },
        )

    def _before(self, view: View, night: RecordedNight, customer_id: str) -> pa.Table:
        """Read a customer's contacts and reservations out of the night's record."""
        spot = view.standing.find(customer_id)
        listed = spot and view.standing.value(spot, "decision_id")
        name = listed or record_name(night.body["fingerprint"], customer_id)
        found, _ = self._records.of_decisions([name])
        if not found:
            return BEFORE.empty_table()
        rows = found[0].parts.before.select(BEFORE.names)
        return rows.filter(pc.equal(rows["customer_id"], customer_id))

    def _taken(self, view: View) -> list[str]:
        """Name the channel of each contact that was decided since the night."""
        since = self._moved.decisions(view.standing.instant, _far())
        return [one["channel"] for one in since if one["decision"] in HOLDING]

    def _night(self, view: View) -> RecordedNight:
        fingerprint = view.standing.facts.fingerprint
        if fingerprint not in self._nights:
            self._nights = {fingerprint: self._records.night_made(fingerprint)}
        return self._nights[fingerprint]


def _far() -> datetime:
    return datetime.max.replace(tzinfo=now_utc().tzinfo)


def _nobody_decides() -> NotReady:
    return NotReady(
        "customer_id",
        "nobody decides about this customer: unknown, or outside every population",
        "a customer with orders, interactions or a contract of late",
        "ask for the risks first: `POST /score` tells what is known",
    )
