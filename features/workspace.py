"""One market as its `forestay.yaml` describes it, as frozen records.

`features/settings` reads and checks the file and makes these; nothing else does. A workspace is
one market: one currency, one time zone, one legal regime.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

TargetKind = Literal["lapse", "contract", "complaint", "outcomes"]
#: What `trust:` calls the same customer under several ids.
NEAR_COPIES = "near_copies"
Aggregate = Literal["count", "sum", "mean", "min", "max", "last"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One mapping of files, or of a database table, to a table of the contract.

    `uri` is as written: `features.settings.resolve_uri` puts in the environment's values. It may
    hold a password, so it is never shown.
    """

    table_name: str
    index: int
    uri: tuple[str, ...] = field(repr=False)
    table: str | None = None
    where: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    time_zone: str | None = None
    fresh_within: timedelta | None = None
    features: Literal["*"] | tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    #: Not mapped by the user: the files that `forestay outcomes` keeps.
    taken_back: bool = False
    #: Not mapped by the user: rows that came in through the service, up to this one of its log.
    received: int = 0

    @property
    def label(self) -> str:
        """Name for messages, as in ``sources.orders[1]``."""
        if self.taken_back:
            return ".forestay/outcomes"
        if self.received:
            return f".forestay/received, {self.table_name}"
        return f"sources.{self.table_name}[{self.index}]"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a model predicts: the question, its population and its window (exact 24 h days)."""

    name: Literal["churn", "complaint"]
    kind: TargetKind
    horizon_days: int
    active_within_days: int
    lead_days: int = 0
    grace_days: int = 0
    kinds: tuple[str, ...] = ("complaint",)

    def window(self, as_of: datetime) -> tuple[datetime, datetime]:
        """Label window ``[start, end)`` of a snapshot."""
        start = as_of + timedelta(days=self.lead_days)
        return start, start + timedelta(days=self.horizon_days)

    def matures_at(self, as_of: datetime) -> datetime:
        """Instant by which the label is final: the window's end plus the days of grace."""
        return self.window(as_of)[1] + timedelta(days=self.grace_days)


@dataclass(frozen=True, kw_only=True)
class OwnFeature:
    """A feature the user declares over one table, under the same as-of rules as ours."""

    name: str
    table: str
    aggregate: Aggregate
    window_days: int | None = None
    where: str | None = None
    column: str | None = None
    unit: str = ""
    says: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What the user says of one target's model.

    ``params`` by LightGBM's names; ``exclude`` features the model must not read; ``trust`` suspects
    that the user answers for, columns by name or `near_copies`.
    """

    params: dict[str, float] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SnapshotPlan:
    """Dates of training snapshots: ``first + k * every``; None where the data decide."""

    every: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, kw_only=True)
class LedgerSettings:
    """Where the records of all decisions go.

    Attributes
    ----------
    store : database as written (it may hold a password, so it is never shown); None: a file.
    keys : folder of the keys, apart from the records; None: in the workspace.
    copy_heads_to : folder to which every signed head is copied; None: nowhere, and then a tail
        that was cut off cannot be seen.
    keep : for how long records are kept.
    """

    store: str | None = field(default=None, repr=False)
    keys: Path | None = None
    copy_heads_to: Path | None = None
    keep: timedelta = timedelta(days=3 * 365)


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    """The company's own identity provider, whose tokens the service accepts.

    ``jwks`` : its JSON Web Key Set, a file or an https address; ``roles_claim`` : names our roles.
    """

    issuer: str
    audience: str
    jwks: str
    roles_claim: str = "roles"


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How the score service answers.

    ``max_score_age`` : older scores are told as stale, and do not stand in for what is away.
    """

    max_score_age: timedelta = timedelta(hours=36)
    oidc: OidcSettings | None = None


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """One market: where its data are, what is predicted, and under which rules."""

    folder: Path
    name: str
    sources: dict[str, tuple[Source, ...]]
    targets: dict[str, Target]
    currency: str | None = None
    time_zone: str = "UTC"
    language: str = "en"
    protected: tuple[str, ...] = ()
    snapshots: SnapshotPlan = field(default_factory=SnapshotPlan)
    test_as_of: tuple[date, ...] | None = None
    features: tuple[OwnFeature, ...] = ()
    models: dict[str, ModelSettings] = field(default_factory=dict)
    data_until: datetime | None = None
    quarantine_limit: float = 0.05
    promotion: Literal["automatic", "second_person"] = "automatic"
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    #: Uri of Redis or PostgreSQL as written (it may hold a password); None: a file.
    online_store: str | None = field(default=None, repr=False)
    #: Elsewhere only for a rehearsal, which must leave the workspace as it is.
    state_folder: Path | None = None

    @property
    def state(self) -> Path:
        """Folder of what Forestay keeps for itself."""
        return self.state_folder or self.folder / ".forestay"

    @property
    def outcomes(self) -> Path:
        """Folder of the files that `forestay outcomes` keeps; a rehearsal reads the same ones."""
        return self.folder / ".forestay" / "outcomes"

    @property
    def lists(self) -> Path:
        """Folder of the nightly lists."""
        return self.folder / "lists"

    @property
    def ledger_file(self) -> Path:
        """File of the ledger where no database is named."""
        return self.folder / ".forestay" / "ledger" / "ledger.sqlite"

    @property
    def ledger_keys(self) -> Path:
        """Folder of the keys of the ledger and of the people in it."""
        return self.ledger.keys or self.folder / ".forestay" / "keys"

    def model(self, target: str) -> ModelSettings:
        """Return what the user says of a target's model; nothing where nothing is said."""
        return self.models.get(target, ModelSettings())

    def midnight(self, day: date) -> datetime:
        """Return the instant (UTC) at which `day` begins in the workspace's time zone."""
        return datetime.combine(day, time(), ZoneInfo(self.time_zone)).astimezone(UTC)

    def local_date(self, instant: datetime) -> date:
        """Return the workspace's calendar day of an instant."""
        return instant.astimezone(ZoneInfo(self.time_zone)).date()
