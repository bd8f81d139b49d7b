"""The leaves of one entry as one column after the other: ids, pseudonyms, lengths, sealed bytes.

A block is not itself signed: its entry holds the root over the leaves and a mark of each.
"""

from collections.abc import Sequence

from features.errors import BrokenRecord

#: Raise it when the bytes of a block change their meaning; `leaves_of` goes on reading older ones.
MAGIC = b"forestay-block-1\n"
ID = 16
#: Leaves of one entry at most: so often a head is signed.
MOST = 1000
_NUMBER = 4


def block_of(leaves: Sequence[bytes]) -> bytes:
    """Lay leaves out in columns.

    Parameters
    ----------
    leaves : each a record id (16 bytes), a pseudonym (16 bytes) and what is sealed.
    """
    lengths = b"".join((len(leaf) - 2 * ID).to_bytes(_NUMBER, "big") for leaf in leaves)
    columns = (
        [leaf[:ID] for leaf in leaves],
        [leaf[ID : 2 * ID] for leaf in leaves],
        [lengths],
        [leaf[2 * ID :] for leaf in leaves],
    )
    count = len(leaves).to_bytes(_NUMBER, "big")
    return b"".join([MAGIC, count, *(part for column in columns for part in column)])


def leaves_of(block: bytes) -> list[bytes]:
    """Read the leaves of a block.

    Raises
    ------
    BrokenRecord : these bytes are no block.
    """
    head = len(MAGIC) + _NUMBER
    count = int.from_bytes(block[len(MAGIC) : head], "big")
    ids, pseudonyms = head, head + count * ID
    lengths, sealed = head + 2 * count * ID, head + count * (2 * ID + _NUMBER)
    if not block.startswith(MAGIC) or not 0 < count <= MOST or len(block) < sealed:
        raise _broken()
    leaves, place = [], sealed
    for n in range(count):
        start = lengths + n * _NUMBER
        end = place + int.from_bytes(block[start : start + _NUMBER], "big")
        one, other = ids + n * ID, pseudonyms + n * ID
        leaves.append(block[one : one + ID] + block[other : other + ID] + block[place:end])
        place = end
    if place != len(block):
        raise _broken()
    return leaves


def _broken() -> BrokenRecord:
    return BrokenRecord(
        "block of a ledger",
        "its bytes are not those of a block",
        "what Forestay wrote",
        "run `forestay audit verify`",
    )
