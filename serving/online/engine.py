"""One process of the service: its view of nights, models and stores, kept fresh meanwhile."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, NamedTuple

from features.accepted import MANIFEST, open_accepted
from features.catalogue import catalogue_for
from features.erased import erased_people
from features.errors import BadInput, Conflict, ForestayError, Unavailable
from features.received.log import EVENTS, Appended, ReceivedLog
from features.received.staged import judge
from features.workspace import Workspace
from serving.audit.environment import actor
from serving.keyring import open_keyring
from serving.ledger import Ledger, Place, open_ledger
from serving.online.intake import Intake
from serving.online.logs import fault_of, log
from serving.online.moved import MovedCustomers
from serving.online.movements import Movements
from serving.online.refreshing import MOMENT, Refreshing
from serving.online.score_records import ScoreRecords
from serving.online.scorer import (
    ONLINE_STORE,
    Body,
    View,
    now_utc,
    rescored_bodies,
    result,
    stored_body,
)
from serving.online.served_models import ServedModels
from serving.online.standing import Spot, Standing, current_folder, open_standing

#: Between two looks at what may have changed.
LOOK_SECONDS = 2.0
#: Customers of one answer that its line in the log names, by keyed names.
_NAMED = 5


class Scored(NamedTuple):
    """Results as JSON, in the order asked, and what must be durable before they are told.

    ``subjects`` : keyed names of the first few customers, for logs.
    """

    view: View
    results: list[bytes]
    subjects: list[str]
    recorded: "Future[tuple[Place, ...]] | None"


class Engine:
    """Answers from the newest night and from what came in since."""

    def __init__(self, workspace: Workspace) -> None:
        """Open ledger, keys and the log of received rows; `start` does the rest."""
        self.workspace = workspace
        self.ledger: Ledger = open_ledger(workspace, actor=actor())
        self.keyring = open_keyring(workspace)
        self.received, self.moved = ReceivedLog(workspace), MovedCustomers(workspace)
        self.refreshing = Refreshing(workspace, self.received, self.moved)
        self.movements = Movements(self.received, self.moved, self.refreshing)
        self._records = ScoreRecords(self.ledger, self.keyring)
        self._models = ServedModels(workspace)
        self._intake: Intake | None = None
        self._view: View | None = None
        self._manifest = 0
        self._why_not = Unavailable(
            "scores", "the service is starting", "a few seconds", "ask again in a second"
        )  # fmt: skip
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Look once, and go on looking; who is asked before that has nothing to say."""
        self._look_safely()
        self._intake = Intake(self.received, self._look_at)
        self._thread.start()

    def close(self) -> None:
        """Take in and write what waits, and end."""
        self._ended.set()
        self._thread.join()
        if self._intake is not None:
            self._intake.close()
        self._records.close()

    @property
    def view(self) -> View:
        """What answers are made from now.

        Raises
        ------
        Unavailable : there is nothing to answer from yet; the message says what is missing.
        """
        if self._view is None:
            raise self._why_not
        return self._view

    def score(
        self, customer_ids: Sequence[str], language: str | None, caller: str, request_id: str
    ) -> Scored:
        """Answer for some customers; nothing may be told before `recorded` is done.

        Raises
        ------
        Unavailable : nothing can be answered, or nothing put on record.
        """
        view, now = self.view, now_utc()
        view.require_answerable(now)
        bodies = self.bodies(view, customer_ids, language)
        both = zip(customer_ids, bodies, strict=True)
        told = [result(view, one, body, now) for one, body in both]
        records = [record for _, record in told if record is not None]
        recorded = self._records.put(records, caller, request_id) if records else None
        named = self.keyring.pseudonyms([one.customer_id for one in records[:_NAMED]])
        subjects = [one.hex() for one in named]
        return Scored(view, [text for text, _ in told], subjects, recorded)

    def receive(self, table: str, rows: Sequence[Mapping[str, Any]]) -> "Future[Appended]":
        """Take in rows; see `Intake.put`.

        Raises
        ------
        BadInput : the workspace maps no such table, or ingest would refuse a row. Conflict : a row
            is of who was erased.
        """
        view = self.view
        if self._intake is None:
            raise self._why_not
        _require_mapped(self.workspace, table)
        _require_not_erased(self.workspace, rows)
        judge(self.workspace, table, rows, now_utc())
        return self._intake.put(table, [(view.meant(row["customer_id"]), row) for row in rows])

    def bodies(
        self, view: View, customer_ids: Sequence[str], language: str | None
    ) -> list[Body | None]:
        """Tell what is known of some customers; None of who is not known."""
        meant = [view.meant(one) for one in customer_ids]
        since = self.movements.bodies(view, meant, language)
        spots = [None if one in since else view.standing.find(one) for one in meant]
        if view.is_as_stored:
            stored = [spot and stored_body(view, spot, language) for spot in spots]
        else:
            stored = _rescored(view, spots, language)
        return [since.get(one, body) for one, body in zip(meant, stored, strict=True)]

    def _look_at(self, customers: Mapping[str, int], received_at: datetime) -> None:
        """Look at customers of whom something came in."""
        view = self.view
        self.refreshing.refresh(view, customers, received_at + MOMENT)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._look_safely()

    def _look_safely(self) -> None:
        """Look; whatever is wrong, what is answered from stays as it is."""
        try:
            self._look()
        except ForestayError as error:
            if self._view is None:
                parts = (error.where, error.problem, error.expected, error.remedy)
                self._why_not = Unavailable(*parts)
        except Exception as error:  # noqa: BLE001 - the watcher must not die of one bad look
            log("look", fault=fault_of(error))

    def _look(self) -> None:
        """Take in a newer night, newer models, and what is away."""
        standing, view = self._newest(), self._view
        self._models.look(standing)
        manifest = (self.workspace.state / MANIFEST).stat().st_mtime_ns
        if view is None or view.standing is not standing or manifest != self._manifest:
            accepted, self._manifest = open_accepted(self.workspace), manifest
            view = View(
                workspace=self.workspace,
                standing=standing,
                champions=self._models.current,
                catalogue=catalogue_for(accepted, self.workspace),
                accepted=accepted,
                degraded=(),
                max_age=self.workspace.service.max_score_age,
            )
        degraded = (*self._models.problems, *self._away(view))
        changed = view.with_state(self._models.current, degraded)
        if changed is not self._view:
            self._view = changed
        self.movements.catch_up(changed)

    def _away(self, view: View) -> tuple[str, ...]:
        """Tell whether the online store answers for somebody."""
        try:
            self.refreshing.read(view, view.standing.some(1)["customer_id"].to_pylist())
        except Exception as error:  # noqa: BLE001 - each store's client has errors of its own
            if ONLINE_STORE not in view.degraded:
                log("online_store", fault=fault_of(error))
            return (ONLINE_STORE,)
        return ()

    def _newest(self) -> Standing:
        view, folder = self._view, current_folder(self.workspace)
        if view is not None and (folder is None or folder == view.standing.folder):
            return view.standing
        return open_standing(self.workspace)


def _require_mapped(workspace: Workspace, table: str) -> None:
    """Refuse rows that no feature would be made of."""
    if table in EVENTS and table not in workspace.sources:
        raise BadInput(
            "field table",
            f"forestay.yaml maps no {table}",
            f"one of {', '.join(one for one in EVENTS if one in workspace.sources) or 'none'}",
            "map the table in forestay.yaml, and run `forestay run`",
        )


def _require_not_erased(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> None:
    people = erased_people(workspace)
    if people and any(people.hash_of(row["customer_id"]) in people.hashes for row in rows):
        raise Conflict(
            "field rows",
            "one of them is of a person who was erased",
            "rows of people who were not erased",
            "send the others without it",
        )


def _rescored(view: View, spots: Sequence[Spot | None], language: str | None) -> list[Body | None]:
    known = [spot for spot in spots if spot is not None]
    found = iter(rescored_bodies(view, known, language) if known else [])
    return [None if spot is None else next(found) for spot in spots]
