"""What goes into the service and comes out of it; the OpenAPI document and the client use the same.

Questions are strict: no other field, no other type. Rows are those of the data contract, made from
it, so that what the service takes is what ingest takes.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, create_model

from features.tables import CONTACTS, INTERACTIONS, ORDERS, Column, Table

#: Customers of one question, and rows of one message: each of its customers may be decided upon.
MOST_CUSTOMERS, MOST_ROWS = 1000, 20
#: Amounts fit the decimals of the accepted tables: 14 digits before the point, 4 behind it.
_LARGEST = 99_999_999_999_999.0
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"

CustomerId = Annotated[
    str,
    Field(
        min_length=1, max_length=128, pattern=_NO_CONTROLS,
        description="the customer's id as in the sources; text, no control characters",
    ),
]  # fmt: skip
Language = Annotated[
    Literal["en", "zh"], Field(description="language of the reasons; the customer's own by default")
]
Share = Annotated[float, Field(ge=0, le=1)]
TargetName = Literal["churn", "complaint"]


class Question(BaseModel):
    """A message to the service."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Answer(BaseModel):
    """A message from the service."""

    model_config = ConfigDict(frozen=True)


class ScoreQuestion(Question):
    """Whose risks are asked for."""

    customer_ids: Annotated[
        list[CustomerId],
        Field(min_length=1, max_length=MOST_CUSTOMERS, description="answered in this order"),
    ]
    language: Language | None = None


class Reason(Answer):
    """One reason why a risk is raised."""

    code: str = Field(description="reason code of the model; see the model's page")
    text: str | None = Field(description="the same in words, with the customer's own numbers")
    contribution: float = Field(description="on the log-odds of the risk; above 0")


class Risk(Answer):
    """One calibrated risk."""

    risk: Share = Field(description="probability within the target's horizon, 0 to 1")
    risk_low: Share | None = Field(description="lower end of its 95% interval; null: not measured")
    risk_high: Share | None = Field(description="upper end of its 95% interval; null: not measured")
    band: Literal["low", "medium", "high", "very_high"] = Field(
        description="cut where the odds are 1, 2 and 4 times the base odds"
    )
    reasons: list[Reason] = Field(
        max_length=3, description="the largest first; those that raise it"
    )


class Model(Answer):
    """A model that answers."""

    version: str = Field(description="number of the registered version")
    sha256: str = Field(description="SHA-256 of its files, 64 hexadecimal digits")


class ScoreResult(Answer):
    """What is known of one customer."""

    customer_id: str
    status: Literal["ok", "cold_start", "unknown_customer", "stale"] = Field(
        description="cold_start: known, but without any history, so nothing is scored;"
        " unknown_customer: no such id; stale: the last night is older than max_score_age"
    )
    as_of: datetime | None = Field(description="instant the features are of; null: unknown")
    events_since_list: int = Field(ge=0, description="orders and interactions since the last list")
    churn: Risk | None = Field(description="null: not asked of this customer, or no model")
    complaint: Risk | None = Field(description="null: not asked of this customer, or no model")
    feature_age_seconds: dict[str, float] = Field(description="seconds since as_of, by view")
    degraded: list[str] = Field(
        description="what could not be reached or used: online_store, models, model:<target>"
    )
    record_id: str | None = Field(description="names this answer in the ledger; null: unknown")


class ScoreAnswer(Answer):
    """Risks, in the order asked."""

    request_id: str
    models: dict[TargetName, Model]
    results: list[ScoreResult]


class Problem(Answer):
    """What was wrong, where, what belongs there, what to do."""

    where: str
    problem: str
    expected: str
    remedy: str
    request_id: str = Field(description="names the request in the log of the service")


class ProblemAnswer(Answer):
    """The one shape of every error."""

    error: Problem


class ReadyAnswer(Answer):
    """Whether the service answers, and from what."""

    ready: bool
    as_of: date | None = Field(description="date of the night it answers from")
    degraded: list[str] = Field(description="what could not be reached or used")


class LiveAnswer(Answer):
    """The process is there."""

    live: Literal[True]


class ListAnswer(Answer):
    """A page of a nightly list."""

    as_of: date
    fingerprint: str = Field(description="content hash of everything the list was made from")
    total: int = Field(ge=0, description="rows of the whole list")
    offset: int = Field(ge=0, description="rows before this page")
    rows: list[dict[str, Any]] = Field(description="columns of risk_list.csv, by name")


def _row_model(name: str, table: Table, *, also_needed: tuple[str, ...]) -> type[Question]:
    """Make a message of a table of the data contract."""
    fields: dict[str, Any] = {}
    for column in table.columns:
        if column.name == "known_at":  # the instant of arrival
            continue
        kind = _type_of(column)
        if column.needed or column.name in also_needed:
            fields[column.name] = (kind, ...)
        else:
            fields[column.name] = (kind | None, None)
    return create_model(name, __base__=Question, __doc__=f"{table.meaning}.", **fields)


def _type_of(column: Column) -> Any:  # noqa: ANN401 - an annotated type
    unit = f"; {column.unit}" if column.unit else ""
    told = f"{column.meaning}{unit}"
    if column.one_of:
        return Annotated[Literal[column.one_of], Field(description=told)]
    if column.type == "number":
        low = -_LARGEST if column.lowest is None else column.lowest
        high = _LARGEST if column.highest is None else column.highest
        return Annotated[float, Field(ge=low, le=high, description=told)]
    if column.type == "time":
        return Annotated[AwareDatetime, Field(description=f"{told}; with its offset from UTC")]
    if column.type == "flag":
        return Annotated[bool, Field(description=told)]
    most = 128 if column.type == "id" else 2000
    return Annotated[
        str, Field(min_length=1, max_length=most, pattern=_NO_CONTROLS, description=told)
    ]


OrderRow = _row_model("OrderRow", ORDERS, also_needed=("order_id",))
InteractionRow = _row_model("InteractionRow", INTERACTIONS, also_needed=("interaction_id",))
OutcomeRow = _row_model("OutcomeRow", CONTACTS, also_needed=())


class OrderEvents(Question):
    """Lines of orders, as they happen."""

    table: Literal["orders"]
    rows: Annotated[list[OrderRow], Field(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type] # made from the contract


class InteractionEvents(Question):
    """Complaints, contacts, surveys and the like, as they happen."""

    table: Literal["interactions"]
    rows: Annotated[list[InteractionRow], Field(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type] # made from the contract


class Events(RootModel[Annotated[OrderEvents | InteractionEvents, Field(discriminator="table")]]):
    """What has just happened, of one table."""

    model_config = ConfigDict(strict=True, frozen=True)


class Outcomes(Question):
    """What was done for customers, and how they answered."""

    rows: Annotated[list[OutcomeRow], Field(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type] # made from the contract


class DecideQuestion(Question):
    """Whom a decision is asked for."""

    customer_id: CustomerId
    language: Language | None = None


class ReceivedAnswer(Answer):
    """What became of the rows of a message."""

    request_id: str
    received_at: datetime = Field(description="instant from which they count as known")
    new: int = Field(ge=0, description="rows that were kept")
    duplicate: int = Field(ge=0, description="rows that only repeated what was there")


class DecisionAnswer(Answer):
    """One decision, as it is on record."""

    decision_id: str
    customer_id: str
    as_of: datetime = Field(description="instant it was decided for")
    recorded_at: datetime
    decision: Literal["contact", "human_review", "held_out", "leave_alone"]
    action: str | None
    channel: str | None
    owner: str | None
    due_by: datetime | None = Field(description="by when it is to be done")
    contact_at: datetime | None = Field(description="when it suits the customer best")
    why: str = Field(description="the reason in one sentence")
    expected_value: float | None = Field(description="in the workspace's currency")
    churn_risk: Share | None
    complaint_risk: Share | None
    reasons: list[str] = Field(description="of the risk that the action lowers")
    models: dict[str, Model]
    policy_version: str


class EventsAnswer(ReceivedAnswer):
    """What became of the rows, and how their customers stand now."""

    results: list[ScoreResult] = Field(description="each customer of the message once")
    decisions: list[DecisionAnswer] = Field(description="made at once, because a rule fired")


class DecideAnswer(Answer):
    """What to do for one customer now."""

    request_id: str
    decision: DecisionAnswer
    standing: bool = Field(description="true: nothing came in since it was made")
