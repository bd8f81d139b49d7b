"""Near-copies: the same customer under several ids, on both sides of a split of customers.

Only folds of one date can be hurt: rolling origins judge later labels, which no copy knows. A copy
is a customer much closer to one other than customers usually are to their fifth neighbour. Plain
tables have such pairs by nature (few columns, round numbers), so what counts is whether the pairs'
answers agree more often than those of their neighbourhood do.
"""

import numpy as np

from features.workspace import NEAR_COPIES
from training.encode import learn_encoding
from training.leaks import Suspect
from training.rows import Rows

ROWS = 10_000
#: Closer than this part of the usual distance to the fifth neighbour.
NEAR = 0.1
NEIGHBOURS = 12
#: Part of the rows in pairs, and agreement beyond the neighbourhood's, from which it tells.
LEAST_SHARE, LEAST_EXCESS, LEAST_Z = 0.01, 0.1, 4.0


def near_copies(rows: Rows) -> Suspect | None:
    """Find out whether rows of one date hold many near-copies whose answers agree.

    Parameters
    ----------
    rows : labelled rows of one date, a row a customer.
    """
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

    rows = rows.sample(ROWS)
    if len(rows.labels) <= NEIGHBOURS:
        return None
    encoding = learn_encoding(rows.table, rows.names)
    terms = encoding.linear_matrix(encoding.read(rows.table))
    with threadpool_limits(1):
        near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(terms)
        distance, place = near.kneighbors(terms)
    own = np.arange(len(terms))[:, None]
    # identical rows may push a row itself off the first place
    others = np.argsort(place == own, axis=1, kind="stable")[:, : NEIGHBOURS - 1]
    distance, place = (np.take_along_axis(part, others, axis=1) for part in (distance, place))
    usual = float(np.median(distance[:, 4]))
    paired = distance[:, 0] <= NEAR * usual
    share = float(paired.mean())
    if usual == 0 or share < LEAST_SHARE:
        return None
    around = rows.labels[place[:, 1:]].mean(axis=1)
    agrees = rows.labels == rows.labels[place[:, 0]]
    expected = np.where(rows.labels == 1, around, 1 - around)[paired]
    excess = agrees[paired] - expected
    z = excess.mean() / max(excess.std() / np.sqrt(len(excess) / 2), 1e-12)
    if excess.mean() < LEAST_EXCESS or z < LEAST_Z:
        return None
    message = (
        f"{share:.0%} of the customers have a near-copy under another id; "
        f"{agrees[paired].mean():.0%} of these pairs have the same answer, where their "
        f"neighbourhood has {expected.mean():.0%}: folds hold the same customer on both sides, so "
        "the metrics flatter. Keep one row a customer (`aliases:` joins ids), or go on as it is "
        f"(`trust: [{NEAR_COPIES}]` under `models:`)"
    )
    return Suspect(name=NEAR_COPIES, code=NEAR_COPIES, message=message)
