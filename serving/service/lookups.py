"""Looks at records: a decision as JSON, the auditor's pages. Every look is itself on record."""

import re
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.errors import BadInput
from features.workspace import Workspace
from serving.audit.environment import acting_as, actor
from serving.audit.looks import put_look
from serving.ledger import existing_ledger
from serving.service.guard import Call
from serving.service.messages import DecisionAnswer, Model
from serving.service.routes import HTML

#: Pages hold their own style and pictures, and nothing from anywhere else.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Found = TypeVar("Found")


class Lookups:
    """Reads decisions and models."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def decision(self, call: Call) -> Response:
        """Answer with one decision."""
        name, language = _decision_id(call), self._language(call)
        answer = await _looked(call, lambda: decision_answer(self._workspace, name, language))
        return Response(answer.model_dump_json(), media_type="application/json")

    async def decision_page(self, call: Call) -> Response:
        """Answer with the auditor's page of a decision."""
        return await self._page(call, ("decision", _decision_id(call)))

    async def model_page(self, call: Call) -> Response:
        """Answer with the page of a model."""
        target, dash, version = call.request.path_params["version"].partition("-")
        if not dash or not (version.isascii() and version.isdigit()) or len(version) > 9:  # noqa: PLR2004 - as documented
            raise BadInput("version", "it is no version", "as in churn-3", "correct it")
        asked = ("model", target, str(int(version)))

        def look() -> None:
            ledger = existing_ledger(self._workspace, actor=actor())
            put_look(ledger, " ".join(["audit report", *asked]))

        response = await self._page(call, asked)
        await _looked(call, look)
        return response

    async def _page(self, call: Call, asked: tuple[str, ...]) -> Response:
        from serving.audit.reports.writing import page_of

        language = self._language(call)
        text = await _looked(call, lambda: page_of(self._workspace, asked, language))
        return Response(text, headers={"content-type": HTML, "content-security-policy": _POLICY})

    def _language(self, call: Call) -> str:
        given = call.request.query_params.getlist("language") or [self._workspace.language]
        if len(given) > 1 or given[0] not in ("en", "zh"):
            raise BadInput("language", "there are no words in it", "en or zh, once", "choose one")
        return given[0]


def decision_answer(workspace: Workspace, decision_id: str, language: str) -> DecisionAnswer:
    """Read a decision and put on record that it was looked at.

    Raises
    ------
    NotReady : there is no such decision, or the person was erased, or its time is over.
    """
    from serving.audit.shown import show_decision

    found = show_decision(workspace, decision_id, language)
    row = found.row
    plain = ("decision", "action", "channel", "owner", "due_by", "contact_at", "expected_value")
    return DecisionAnswer(
        decision_id=found.decision_id,
        customer_id=found.customer_id,
        as_of=found.instant,
        recorded_at=found.recorded_at,
        **{name: row[name] for name in plain},
        why=found.why.sentence,
        churn_risk=row["churn_risk"],
        complaint_risk=row["complaint_risk"],
        reasons=list(found.reasons),
        models={one.target: Model(version=one.version, sha256=one.sha256) for one in found.sums},
        policy_version=found.policy_version,
    )


async def _looked(call: Call, look: Callable[[], Found]) -> Found:
    """Look in a thread, in the name of the caller."""

    def as_caller() -> Found:
        with acting_as(call.caller.name if call.caller else ""):
            return look()

    return await run_in_threadpool(as_caller)


def _decision_id(call: Call) -> str:
    given = str(call.request.path_params["decision_id"])
    if not _UUID.fullmatch(given):
        raise BadInput("decision_id", "it is no id", "a UUID, in small letters", "correct it")
    return given
