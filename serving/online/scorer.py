"""Answers for single customers: from the night while nothing moved, made anew where something did.

What is stored is told as it stands, bytes and all. A customer is scored again when a newer champion
serves, or when something came in since; never from nothing: who is not known gets an answer that
says so.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import pyarrow as pa

from features.accepted import Accepted, current_aliases
from features.errors import Unavailable
from features.workspace import Workspace
from serving.online.answers import answers
from serving.online.moved import Moved
from serving.online.score_records import Told, new_record_id
from serving.online.standing import ASKED, Spot, Standing, feature_rows
from serving.risk_list import LANGUAGES

if TYPE_CHECKING:
    from features.catalogue import Catalogue
    from training.champion import Champion

Status = Literal["ok", "cold_start", "unknown_customer", "stale"]
#: What `degraded` calls the online store.
ONLINE_STORE = "online_store"
NOTHING = b'{"churn":null,"complaint":null}'


class Body(NamedTuple):
    """What is told of a customer's risks, and from when and what it is.

    ``evidence`` : features and sums, as JSON, where it was made now; None where the night has it.
    """

    text: bytes
    as_of: datetime
    cold_start: bool = False
    events: int = 0
    evidence: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything an answer is made from, taken once, so that no answer mixes two states.

    Attributes
    ----------
    standing : the newest night.
    champions : the models that serve; none when they could not be loaded.
    degraded : what is not as it should be, by name.
    max_age : of scores; older ones are `stale`.
    """

    workspace: Workspace
    standing: Standing
    champions: Mapping[str, "Champion"]
    catalogue: "Catalogue"
    accepted: Accepted
    degraded: tuple[str, ...]
    max_age: timedelta

    @cached_property
    def is_as_stored(self) -> bool:
        """Whether the models that serve are those of the night."""
        stored = {name: one["sha256"] for name, one in self.standing.facts.models.items()}
        return not self.champions or stored == {n: c.sha256 for n, c in self.champions.items()}

    @property
    def cannot_score(self) -> bool:
        """Whether the night had models, and none of them could be loaded."""
        return not self.champions and bool(self.standing.facts.models)

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """Hash of each model that serves."""
        return {name: one.sha256 for name, one in self.champions.items()}

    @cached_property
    def models(self) -> Mapping[str, Mapping[str, str]]:
        """Version and hash of each model that answers."""
        if self.is_as_stored:
            return self.standing.facts.models
        return {
            name: {"version": one.version, "sha256": one.sha256}
            for name, one in sorted(self.champions.items())
        }

    def with_state(self, champions: Mapping[str, "Champion"], degraded: tuple[str, ...]) -> "View":
        """Return the view with these models and troubles; itself where they are the same."""
        if champions is self.champions and degraded == self.degraded:
            return self
        return replace(self, champions=champions, degraded=degraded)

    def meant(self, customer_id: str) -> str:
        """Return the customer that an id means: itself, or whom it is an alias of by now."""
        return self.aliases.get(customer_id, customer_id)

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Customers by the other ids they have."""
        return current_aliases(self.accepted)

    def is_stale(self, now: datetime) -> bool:
        """Whether the night is too old to be told as new."""
        return now - self.standing.published_at > self.max_age

    def require_answerable(self, now: datetime) -> None:
        """Refuse when something is away and the night is too old to stand in for it.

        Raises
        ------
        Unavailable : so it is; the message says what is away.
        """
        if self.degraded and self.is_stale(now):
            raise Unavailable(
                "scores",
                f"{', '.join(self.degraded)} cannot be reached, and the last night was published"
                f" at {self.standing.published_at:%Y-%m-%d %H:%M} UTC",
                f"a night of the last {self.max_age.total_seconds() / 3600:g} hours",
                "bring it back, or run `forestay nightly`",
            )


def moved_body(moved: Moved, events: int, language: str | None) -> Body:
    """Tell what was found of a customer after something came in."""
    return Body(
        text=moved.texts[language or moved.language].encode(),
        as_of=moved.as_of,
        cold_start=moved.cold_start,
        events=events,
        evidence=None if moved.evidence is None else moved.evidence.encode(),
    )


def stored_body(view: View, spot: Spot, language: str | None) -> Body:
    """Tell what the night found of one customer."""
    standing = view.standing
    told = standing.value(spot, language or standing.value(spot, "language"))
    return Body(
        text=NOTHING if told is None else told.encode(),
        as_of=standing.instant,
        cold_start=standing.value(spot, "cold_start"),
    )


def rescored_bodies(view: View, spots: Sequence[Spot], language: str | None) -> list[Body]:
    """Score customers of the night with the models that serve now, as one matrix."""
    rows = view.standing.rows(spots)
    features = feature_rows(rows)
    asked = {
        name.removeprefix(ASKED): rows["customer_id"].filter(rows[name])
        for name in rows.column_names
        if name.startswith(ASKED)
    }
    told = scored_texts(view, features, asked)
    return [
        Body(
            text=told.text(customer, language or own),
            as_of=view.standing.instant,
            cold_start=is_cold,
            evidence=told.evidence.get(customer),
        )
        for customer, own, is_cold in zip(
            rows["customer_id"].to_pylist(),
            rows["language"].to_pylist(),
            rows["cold_start"].to_pylist(),
            strict=True,
        )
    ]


class ScoredTexts(NamedTuple):
    """Answers by customer and language, and what each was made from."""

    texts: Mapping[str, Mapping[str, str]]
    evidence: Mapping[str, bytes]

    def text(self, customer_id: str, language: str) -> bytes:
        """Return one answer; of who was not asked, that there is none."""
        mine = self.texts.get(customer_id)
        return NOTHING if mine is None else mine[language].encode()


def scored_texts(view: View, features: pa.Table, asked: Mapping[str, pa.Array]) -> ScoredTexts:
    """Score rows of features; of who is asked about nothing there is no answer."""
    from serving.score import score_bucket

    currency = view.workspace.currency
    ids = {target: _one_array(found) for target, found in asked.items()}
    scored = score_bucket(features, ids, view.champions, view.catalogue, currency)
    told = answers(scored.rows).to_pylist()
    evidence = scored.evidence.to_pylist()
    return ScoredTexts(
        texts={one["customer_id"]: {name: one[name] for name in LANGUAGES} for one in told},
        evidence={one.pop("customer_id"): _as_json(one) for one in evidence},
    )


def result(
    view: View, customer_id: str, body: Body | None, now: datetime
) -> tuple[bytes, Told | None]:
    """Put one result together, and what goes on record of it; nothing of who is not known."""
    head = {"customer_id": customer_id, "status": _status(view, body, now)}
    if body is None:
        nothing = {"as_of": None, "events_since_list": 0, "churn": None, "complaint": None}
        rest: dict[str, object] = {
            "feature_age_seconds": {},
            "degraded": list(view.degraded),
            "record_id": None,
        }
        return json.dumps({**head, **nothing, **rest}, ensure_ascii=False).encode(), None
    record_id = new_record_id()
    age = round((now - body.as_of).total_seconds(), 3)
    first = {**head, "as_of": body.as_of.isoformat(), "events_since_list": body.events}
    last = {
        "feature_age_seconds": dict.fromkeys(view.standing.facts.features, age),
        "degraded": list(view.degraded),
        "record_id": record_id,
    }
    text = b"%b, %b, %b" % (
        json.dumps(first, ensure_ascii=False)[:-1].encode(),
        body.text[1:-1],
        json.dumps(last)[1:].encode(),
    )
    facts = {"night": view.standing.facts.fingerprint, "models": view.models}
    content = b'%b, "answer": %b' % (json.dumps(facts)[1:-1].encode(), text)
    if body.evidence is not None:
        content += b', "evidence": ' + body.evidence
    return text, Told(customer_id, record_id, content)


def _status(view: View, body: Body | None, now: datetime) -> Status:
    if body is None:
        return "unknown_customer"
    if body.cold_start:
        return "cold_start"
    return "stale" if view.is_stale(now) else "ok"


def _one_array(ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    return ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids


def _as_json(row: Mapping[str, object]) -> bytes:
    """Write evidence; a number that is none becomes null."""
    plain = {n: None if v != v else v for n, v in row.items()}  # noqa: PLR0124 - only NaN is not itself
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()


def now_utc() -> datetime:
    """Return the instant."""
    return datetime.now(UTC)
