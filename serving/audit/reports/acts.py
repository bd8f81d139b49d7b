"""What else happened in a period, in words: looks, erasures, expiries, new keys, promotions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from serving.audit.looks import LOOK
from serving.audit.reports.report import words
from serving.page_words import Words

if TYPE_CHECKING:
    from training.promotion.history import Promotion

#: Wordings of what else the ledger holds.
ACTS = {
    LOOK: words("looked at records", "查看记录"),
    "erased": words("a person was erased", "删除一位客户"),
    "expired": words("records past their time were deleted", "删除过期记录"),
    "signing_key": words("a new signing key", "更换签名密钥"),
    "rotated": words("new keys for pseudonyms and customers", "更换假名与客户密钥"),
}


def promotions(
    made: Sequence["Promotion"], first: date, last: date
) -> list[tuple[str, str, str, str]]:
    """Return the promotions of a period, oldest first: when, which, by whom, in whose place.

    Parameters
    ----------
    made : of every target, each target's in their order.
    """
    before: dict[str, str] = {}
    found = []
    for one in made:
        if first.isoformat() <= one.at[:10] <= last.isoformat():
            which = f"{one.target} {one.version}" + (" (rollback)" * (one.kind == "rollback"))
            found.append((one.at[:19], which, one.by, before.get(one.target, "")))
        before[one.target] = one.version
    return sorted(found)


def act_words(kind: str, body: Mapping[str, Any]) -> Words:
    """Say what an entry tells of, and for a look by which command and at how many."""
    said = ACTS[kind]
    if kind != LOOK:
        return said
    about = f"{body['command']}, {len(body['records'])}" if body["records"] else body["command"]
    return words(f"{said['en']} ({about})", f"{said['zh']} ({about})")
