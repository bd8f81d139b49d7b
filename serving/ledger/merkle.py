"""A tree of hashes over the leaves of an entry: one leaf can be proven without showing the others.

References
----------
RFC 6962, section 2.1: leaves are hashed after a byte 0, nodes after a byte 1, and a tree of n
leaves splits at the largest power of two below n.
"""

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf_hashes(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the hash of every leaf; a hash has no batch form."""
    sha256 = hashlib.sha256
    return [sha256(LEAF + leaf).digest() for leaf in leaves]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves, at least one.

    Pairing from the left, level by level, with an odd last one carried up, splits every tree where
    the RFC does.
    """
    level = list(hashes)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_of(hashes: Sequence[bytes], place: int) -> list[tuple[str, bytes]]:
    """Return the hashes that lead from a leaf to the root, with the side each stands on."""
    level, path = list(hashes), []
    while len(level) > 1:
        other = place ^ 1
        if other < len(level):
            path.append(("left" if other < place else "right", level[other]))
        level, place = _above(level), place // 2
    return path


def _above(level: list[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    pairs = zip(level[::2], level[1::2], strict=False)
    return [sha256(NODE + a + b).digest() for a, b in pairs] + level[len(level) & ~1 :]
