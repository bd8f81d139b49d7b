"""Which treatments a person looks at before they are carried out.

Always where the policy says so (emotional, of high value) and where the risk's interval crosses the
cut-off; of the others a share drawn anew each night.
"""

import numpy as np
from numpy.typing import NDArray

from proactive_rules.conditions import column, holds
from proactive_rules.expected_value import Stakes
from proactive_rules.holdout import draw
from proactive_rules.policy.records import Policy
from proactive_rules.screening import Screening
from proactive_rules.situation import Situation

Flags = NDArray[np.bool_]


def needs_review(
    situation: Situation, policy: Policy, at_stake: Stakes, screening: Screening, value: Flags
) -> NDArray[np.uint8]:
    """Return the variant of every treatment: 1 where a person looks first.

    Parameters
    ----------
    value : (n,) expected value of the best possible treatment, for the rule's `expected_value`.
    """
    reviewed = np.zeros(screening.worth.shape, dtype=bool)
    if policy.review is None:
        return reviewed.astype(np.uint8)
    reviewed |= _always(situation, policy, value)[:, None] | _drawn(situation, policy)[:, None]
    for place, treatment in enumerate(screening.treatments):
        action = treatment.action
        if action.lowers:
            low, high = (
                column(situation.customers, f"{action.lowers}_risk_{end}")
                for end in ("low", "high")
            )
            cutoff = at_stake.cutoff(action)
            # Comparisons with an unknown interval are false: nothing is claimed.
            reviewed[:, place] |= (low <= cutoff) & (cutoff <= high)
    return reviewed.astype(np.uint8)


def _always(situation: Situation, policy: Policy, value: Flags) -> Flags:
    if policy.review is None or policy.review.always_when is None:
        return np.zeros(len(situation), dtype=bool)
    import pyarrow as pa

    worth = pa.array(value, pa.float64(), from_pandas=True)
    rows = situation.customers.append_column("expected_value", worth)
    return holds(rows, {"always": policy.review.always_when})["always"]


def _drawn(situation: Situation, policy: Policy) -> Flags:
    share = policy.review.share if policy.review else 0.0
    key = f"{policy.holdout.key}:review:{situation.as_of.isoformat()}"
    return draw(situation.customers["customer_id"], key) < share
