"""Who is left out at random, so that the effect of contacting can be measured.

The assignment depends on nothing but a key and the customer id: the same customer stays in the
same group night after night, in any order of rows, on any machine.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from proactive_rules.in_memory import with_tables
from proactive_rules.policy.records import Holdout
from proactive_rules.screening import Screening

#: 52 bits of the hash fit a float64 exactly.
_BITS = 52
_HEX_DIGITS = _BITS // 4
Flags = NDArray[np.bool_]


def draw(customer_id: pa.ChunkedArray | pa.Array, key: str) -> NDArray[np.float64]:
    """Return each customer's own number in [0, 1): the start of sha256(key:customer_id)."""
    ids = pa.table({"place": pa.array(range(len(customer_id)), pa.int64()), "id": customer_id})
    with with_tables(ids=ids) as connection:
        numbers = connection.execute(
            f"SELECT ('0x' || left(sha256($key || ':' || id), {_HEX_DIGITS}))::UBIGINT AS number"
            " FROM ids ORDER BY place",
            {"key": key},
        ).to_arrow_table()["number"]
    return numbers.to_numpy().astype(np.float64) / 2.0**_BITS


@dataclass(frozen=True, kw_only=True)
class Control:
    """The two control groups, taken out before anything is shared out.

    Attributes
    ----------
    out : (n,) customers who are left out of everything tonight: those of the global control group,
        and those of the control group of the action that would be best for them.
    preferred : (n,) place of the best possible treatment; -1 where none is.
    """

    holdout: Holdout
    out: Flags
    preferred: NDArray[np.intp]

    def probability(self, screening: Screening, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the chance with which a customer would have been held out of what was chosen.

        A treatment of the second-best action passed two draws of an action, not one.
        """
        names = [treatment.action.name for treatment in screening.treatments]
        place = np.unique(names, return_inverse=True)[1] if names else np.zeros(1, dtype=np.intp)
        second = place[chosen] != place[self.preferred]
        stays = 1 - self.holdout.per_action
        return np.asarray(1 - (1 - self.holdout.everything) * np.where(second, stays**2, stays))


def take_out_controls(
    screening: Screening, customer_id: pa.ChunkedArray, holdout: Holdout
) -> Control:
    """Draw the control groups; an action whose group a customer is in is no longer possible.

    References
    ----------
    The control group is drawn among those who could be contacted, before it is known who will be,
    so that both groups are alike: Gerber & Green, Field Experiments (2012), ch. 2.
    """
    if not screening.treatments:
        nobody = np.zeros(len(customer_id), dtype=bool)
        return Control(holdout=holdout, out=nobody, preferred=np.full(len(nobody), -1))
    has_any = np.asarray(screening.possible.any(axis=1))
    preferred = np.where(has_any, screening.worth.argmax(axis=1), -1)
    everything = draw(customer_id, f"{holdout.key}:global") < holdout.everything
    out = everything & has_any
    for name in dict.fromkeys(treatment.action.name for treatment in screening.treatments):
        mine = np.array([one.action.name == name for one in screening.treatments])
        held = draw(customer_id, f"{holdout.key}:action:{name}") < holdout.per_action
        out |= held & has_any & mine[preferred]
        for place in np.flatnonzero(mine):
            # Who is out altogether keeps the treatments, so that what was planned can be told.
            screening.refuse(int(place), held & ~(mine[preferred] & has_any), "held_out")
    return Control(holdout=holdout, out=out, preferred=preferred)
