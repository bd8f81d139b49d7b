"""Every look at records is itself put on record: who, when, by which command, at which ones."""

from collections.abc import Collection, Iterator, Sequence

from serving.ledger import Entry, Ledger, Place

LOOK = "look"


def put_look(
    ledger: Ledger, command: str, places: Sequence[Place] = (), nights: Sequence[int] = ()
) -> Entry:
    """Write down, before they are shown, that records were looked at; not whom they are about.

    Parameters
    ----------
    command : what was asked, as in ``audit show``.
    places : single records.
    nights : entries of nights, of which all records were looked at.
    """
    records = [[place.seq, place.index] for place in places]
    return ledger.append(LOOK, {"command": command, "records": records, "nights": list(nights)})


def looks_at(ledger: Ledger, places: Collection[Place], nights: Collection[int]) -> Iterator[Entry]:
    """Return the looks at some records, or at all of the nights they are of; oldest first."""
    wanted = {(place.seq, place.index) for place in places}
    for entry in ledger.entries(LOOK):
        single = {(seq, index) for seq, index in entry.body["records"]}
        if wanted & single or set(nights) & set(entry.body["nights"]):
            yield entry
