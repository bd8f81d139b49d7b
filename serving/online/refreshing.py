"""Customers of whom something came in, looked at anew: features, online store, risks, at once.

The same expression, populations and models as every night, over the accepted rows of these
customers and what came in since; as of one instant after the last row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa

from features.accepted import Accepted
from features.errors import ForestayError
from features.feature_rows import feature_rows
from features.feature_store import OnlineFeatures, store_identity
from features.received.live import live_accepted
from features.received.log import ReceivedLog
from features.whole import wait_for_lease
from features.workspace import Workspace
from serving.online.customers import no_history, own_languages
from serving.online.logs import fault_of, log
from serving.online.moved import Moved, MovedCustomers
from serving.online.scorer import ONLINE_STORE, View, scored_texts
from serving.risk_list import LANGUAGES

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Customers as they are at an instant.

    Attributes
    ----------
    features : as snapshots have them; who has no row yet is not in it.
    asked : ids by target.
    """

    at: datetime
    accepted: Accepted
    features: pa.Table
    asked: Mapping[str, pa.Array]


class Refreshing:
    """Looks at customers anew and keeps what it finds."""

    def __init__(self, workspace: Workspace, received: ReceivedLog, moved: MovedCustomers) -> None:
        """Begin; the online store is opened when it is first needed."""
        self._workspace, self._received, self._moved = workspace, received, moved
        self._store: tuple[str, OnlineFeatures] | None = None

    def refresh(self, view: View, customers: Mapping[str, int], at: datetime) -> None:
        """Look at some customers as of an instant, push their features and keep their answers.

        Parameters
        ----------
        customers : with the newest row that came in of each.
        """
        accepted, until = view.accepted, max(customers.values())
        ids = sorted(customers)
        with live_accepted(self._workspace, accepted, self._received, ids, until) as mine:
            looked = look(view, mine, at)
        # Stores keep whole seconds: who is newer is told by our own instants, one push at a time.
        with wait_for_lease(self._moved.folder / "push.lock"):
            fresh = self._newest(looked)
            # A store that is known to be away would only be waited for; the watcher pushes later.
            pushed = ONLINE_STORE not in view.degraded and self.push(view, fresh.features)
            self._moved.put(found_of(view, fresh, customers, pushed=pushed))

    def _newest(self, looked: Looked) -> Looked:
        """Leave out who was looked at later."""
        ids = looked.features["customer_id"]
        marks = self._moved.marks(ids.to_pylist())
        older = [one not in marks or marks[one].as_of <= looked.at for one in ids.to_pylist()]
        return replace(looked, features=looked.features.filter(pa.array(older, pa.bool_())))

    def read(self, view: View, customer_ids: Sequence[str]) -> pa.Table:
        """Read features of some customers from the online store.

        Raises
        ------
        Exception : whatever the store's client raises when it is away.
        """
        try:
            return self._open(view).read(customer_ids)
        except Exception:
            self._store = None  # a connection that broke does not mend itself
            raise

    def push(self, view: View, features: pa.Table) -> bool:
        """Write features to the online store; False where it is away."""
        try:
            self._open(view).push(features)
        except Exception as error:  # noqa: BLE001 - each store's client has errors of its own
            if isinstance(error, ForestayError):
                log("push", fault=error.problem)
            else:
                log("push", fault=fault_of(error))
            self._store = None
            return False
        return True

    def _open(self, view: View) -> OnlineFeatures:
        key = f"{view.catalogue.fingerprint} {store_identity(self._workspace)}"
        if self._store is None or self._store[0] != key:
            self._store = (key, OnlineFeatures(self._workspace, view.catalogue))
        return self._store[1]


def look(view: View, accepted: Accepted, at: datetime) -> Looked:
    """Compute the features of everybody in some accepted data, and who is asked about what."""
    from training.labels import population

    ((_, (features,)),) = list(feature_rows(accepted, view.catalogue, [at]))
    workspace, day = view.workspace, view.workspace.local_date(at)
    asked = {
        name: population(workspace, accepted, target, day, at)["customer_id"].combine_chunks()
        for name, target in workspace.targets.items()
    }
    return Looked(at=at, accepted=accepted, features=features, asked=asked)


def found_of(
    view: View, looked: Looked, customers: Mapping[str, int], *, pushed: bool
) -> list[Moved]:
    """Score who was looked at, and word it."""
    told = scored_texts(view, looked.features, looked.asked)
    ids = looked.features["customer_id"].to_pylist()
    languages = own_languages(looked.features, view.standing.facts.language).to_pylist()
    cold = no_history(looked.features, looked.asked).to_pylist()
    asked = {target: frozenset(found.to_pylist()) for target, found in looked.asked.items()}
    found = []
    for place, customer in enumerate(ids):  # a few customers of one group
        evidence = told.evidence.get(customer)
        found.append(
            Moved(
                customer_id=customer,
                as_of=looked.at,
                seq=customers[customer],
                pushed=pushed,
                models=view.hashes,
                texts={one: told.text(customer, one).decode() for one in LANGUAGES},
                language=languages[place],
                cold_start=cold[place],
                asked=[target for target, among in asked.items() if customer in among],
                evidence=None if evidence is None else evidence.decode(),
            )
        )
    return found
