"""The policy of a workspace: its own `policy.yaml`, else the one that ships with Forestay.

Knows which columns a rule may read there; `proactive_rules` reads and checks the text.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from features.catalogue import Catalogue, standard_features
from features.errors import NotReady
from features.workspace import Workspace
from proactive_rules.decision_table import DECIDED_COLUMNS
from proactive_rules.policy.columns import Columns, reads
from proactive_rules.policy.file import FILE, read_policy, shipped_policy
from proactive_rules.policy.records import Policy

_RISKS = ("churn", "complaint")
#: What a night lays beside the features of a customer.
_SCORES = tuple(f"{risk}_risk{end}" for risk in _RISKS for end in ("", "_low", "_high"))
_BANDS = tuple(f"{risk}_band" for risk in _RISKS)
LAST_OUTCOME = ("last_outcome", "last_outcome_days")
_VALUES = ("amount_total_365d", "price_total")


@dataclass(frozen=True, kw_only=True)
class PolicyInForce:
    """A checked policy, where it stands, and what rules may read beside it.

    ``path`` is None for the shipped one.
    """

    policy: Policy
    columns: Columns
    path: Path | None
    content: bytes

    @property
    def reads(self) -> pa.Schema:
        """Columns its rules read, with their types; those a workspace lacks included."""
        found = reads(self.policy.conditions, self.columns)
        fairness = self.policy.fairness
        if fairness and fairness.by not in found.names:
            found = found.append(pa.field(fairness.by, pa.string()))
        return found


def open_policy(
    workspace: Workspace, catalogue: Catalogue, path: Path | None = None
) -> PolicyInForce:
    """Read and check the policy of a workspace, or a file that may become it.

    Raises
    ------
    BadInput : it cannot be used; `Faults` when there are several, each with its line.
    NotReady : the file named does not exist.
    """
    own = path or workspace.folder / FILE
    columns = policy_columns(workspace, catalogue)
    if not own.is_file():
        if path:
            raise NotReady(str(path), "there is no such file", "a policy", "check its name")
        content = shipped_policy()
        policy = read_policy(content, columns=columns, file="the shipped policy.yaml")
        return PolicyInForce(policy=policy, columns=columns, path=None, content=content)
    content = own.read_bytes()
    policy = read_policy(content, columns=columns, file=own.name)
    return PolicyInForce(policy=policy, columns=columns, path=own, content=content)


def policy_columns(workspace: Workspace, catalogue: Catalogue) -> Columns:
    """Name what rules may read: features, scores, values, the last answer to outreach."""
    texts = {one.name for one in catalogue.features if one.dtype == "text"}
    numbers = set(catalogue.names) - texts
    texts |= {*_BANDS, LAST_OUTCOME[0]}
    numbers |= {*_SCORES, *_VALUES, LAST_OUTCOME[1]}
    # A column of the user's that is called like one of a decision's could not stand beside it.
    texts = {name for name in texts if name.lower() not in DECIDED_COLUMNS}
    numbers = {name for name in numbers if name.lower() not in DECIDED_COLUMNS}
    known = {name.lower() for name in texts | numbers}
    protected = {name.lower().rpartition(".")[2] for name in workspace.protected}
    others = [
        one
        for one in standard_features()
        if one.name.lower() not in known and one.name.lower() not in protected
    ]
    return Columns(
        numbers=frozenset(numbers),
        texts=frozenset(texts),
        unmapped=frozenset(one.name for one in others if one.dtype == "number"),
        unmapped_texts=frozenset(one.name for one in others if one.dtype == "text"),
        protected=frozenset(protected - known),
    )


def with_unmapped(customers: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Add what a policy reads and the workspace lacks, as nulls."""
    have = {name.lower() for name in customers.column_names}
    for field in wanted:
        if field.name.lower() not in have:
            customers = customers.append_column(field, pa.nulls(customers.num_rows, field.type))
    return customers
