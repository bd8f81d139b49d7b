"""`POST /decide`, and what follows at once from what happened: decided, recorded, then told."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.workspace import Workspace
from serving.audit.environment import acting_as
from serving.online.decisions import Decisions, Stands
from serving.online.engine import Engine
from serving.service.guard import Call
from serving.service.lookups import decision_answer
from serving.service.messages import DecideAnswer, DecisionAnswer
from serving.service.once import Once


class Deciding:
    """Decides for single customers."""

    def __init__(self, workspace: Workspace, engine: Engine, decisions: Decisions) -> None:
        self._workspace, self._engine, self._decisions = workspace, engine, decisions
        self._once = Once(engine.received)

    async def decide(self, call: Call) -> Response:
        """Answer with the decision that stands, or a new one."""

        async def work() -> bytes:
            return await run_in_threadpool(self._decided, call)

        return await self._once.answer(call, work)

    async def fired(self, call: Call, customers: Sequence[str]) -> list[DecisionAnswer]:
        """Decide anew for customers of whom something came in; return what is to be acted upon."""
        return await run_in_threadpool(self._fired, call, customers)

    def _decided(self, call: Call) -> bytes:
        view, asked, caller = self._engine.view, call.question, _name(call)
        with acting_as(caller):
            customer = view.meant(asked.customer_id)
            stands = self._decisions.decide(view, customer, caller, str(call.once))
            answer = DecideAnswer(
                request_id=call.request_id,
                decision=self._told(stands, asked.language),
                standing=stands.was_there,
            )
        return answer.model_dump_json().encode()

    def _fired(self, call: Call, customers: Sequence[str]) -> list[DecisionAnswer]:
        view, caller, told = self._engine.view, _name(call), []
        with acting_as(caller):
            for customer in customers:  # few: those of one message
                key = f"{call.once}:{customer}"
                made = self._decisions.fired(view, view.meant(customer), caller, key)
                if made is not None:
                    told.append(self._told(made, None))
        return told

    def _told(self, stands: Stands, language: str | None) -> DecisionAnswer:
        words = language or self._workspace.language
        return decision_answer(self._workspace, stands.decision_id, words)


def _name(call: Call) -> str:
    return call.caller.name if call.caller else ""
