"""A small typed client of the service: the same messages, one method a door.

with Client("http://127.0.0.1:3000", key) as forestay:
print(forestay.score(["12748"]).results[0].churn)
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel

from serving.service import messages as m

Found = TypeVar("Found", bound=BaseModel)
SECONDS = 10.0


class ServiceError(Exception):
    """The service refused; `problem` says what, where, what it expected and what to do."""

    def __init__(self, status: int, problem: m.Problem, retry_after_seconds: float | None) -> None:
        self.status, self.problem, self.retry_after_seconds = status, problem, retry_after_seconds
        super().__init__(f"{status} {problem.where}: {problem.problem}. {problem.remedy}.")


class Client:
    """Asks one service with one key.

    Parameters
    ----------
    url : as `forestay serve` prints it.
    key : of `forestay keys create`, or a token of the company's identity provider.
    """

    def __init__(self, url: str, key: str, *, seconds: float = SECONDS) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=seconds)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Let go of the connections."""
        self._http.close()

    def score(
        self, customer_ids: Sequence[str], language: m.Language | None = None
    ) -> m.ScoreAnswer:
        """Ask for the risks of up to 1,000 customers.

        Raises
        ------
        ServiceError : the service refused. httpx.TransportError : it was not reached.
        """
        asked = {"customer_ids": list(customer_ids), "language": language}
        return self._post("/score", asked, m.ScoreAnswer)

    def events(
        self, table: str, rows: Sequence[Mapping[str, Any]], *, once: str | None = None
    ) -> m.EventsAnswer:
        """Tell what has just happened; see `score` for errors.

        Parameters
        ----------
        table : orders or interactions.
        rows : columns of the data contract; times with their offset from UTC.
        once : names this message: give the same one with a repetition.
        """
        asked = {"table": table, "rows": [_plain(row) for row in rows]}
        return self._post("/events", asked, m.EventsAnswer, once or str(uuid4()))

    def decide(
        self, customer_id: str, language: m.Language | None = None, *, once: str | None = None
    ) -> m.DecideAnswer:
        """Ask what to do for one customer now; as `events`."""
        asked = {"customer_id": customer_id, "language": language}
        return self._post("/decide", asked, m.DecideAnswer, once or str(uuid4()))

    def outcomes(
        self, rows: Sequence[Mapping[str, Any]], *, once: str | None = None
    ) -> m.ReceivedAnswer:
        """Tell what was done and how it was answered; as `events`, columns of `contacts`."""
        asked = {"rows": [_plain(row) for row in rows]}
        return self._post("/outcomes", asked, m.ReceivedAnswer, once or str(uuid4()))

    def list(
        self, as_of: date | str = "latest", *, offset: int = 0, limit: int = 100
    ) -> m.ListAnswer:
        """Read a page of a nightly list; as `score`."""
        parameters = {"offset": offset, "limit": limit}
        return _answer(self._http.get(f"/lists/{as_of}", params=parameters), m.ListAnswer)

    def decision(self, decision_id: str) -> m.DecisionAnswer:
        """Read a decision out of its record; as `score`."""
        return _answer(self._http.get(f"/decisions/{decision_id}"), m.DecisionAnswer)

    def decision_page(self, decision_id: str, language: str = "en") -> str:
        """Read the auditor's page of a decision, as HTML; as `score`."""
        found = self._http.get(f"/audit/decisions/{decision_id}", params={"language": language})
        return _sound(found).text

    def model_page(self, target: str, version: str, language: str = "en") -> str:
        """Read the page of a model, as HTML; as `score`."""
        address = f"/audit/models/{target}-{version}"
        return _sound(self._http.get(address, params={"language": language})).text

    def ready(self) -> m.ReadyAnswer:
        """Ask whether the service answers, and from what; as `score`."""
        return _answer(self._http.get("/readyz"), m.ReadyAnswer)

    def _post(
        self, path: str, asked: Mapping[str, Any], kind: type[Found], once: str | None = None
    ) -> Found:
        headers = {"Idempotency-Key": once} if once else {}
        return _answer(self._http.post(path, json=asked, headers=headers), kind)


def _answer(found: httpx.Response, kind: type[Found]) -> Found:
    return kind.model_validate_json(_sound(found).content)


def _sound(found: httpx.Response) -> httpx.Response:
    if found.is_success:
        return found
    problem = m.ProblemAnswer.model_validate_json(found.content).error
    later = found.headers.get("retry-after")
    raise ServiceError(found.status_code, problem, float(later) if later else None)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write instants as JSON has them."""
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items()}
