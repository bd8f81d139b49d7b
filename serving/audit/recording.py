"""A night's decisions into the ledger, before anybody sees the list: once, whatever kills it.

An entry `night` opens the record and holds what all decisions share; entries `decisions` carry up
to a thousand sealed records each; an entry `recorded` closes it. A run that was killed goes on
after the last records that are there.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from features.progress import Progress
from proactive_rules.decide import Decided
from serving.audit.environment import actor
from serving.audit.night_entry import layout_text, name_of, open_entry
from serving.audit.packed import Layout, layout_of, pack
from serving.audit.record import history_texts, record_rows, with_history
from serving.keyring import Keyring, open_keyring
from serving.ledger import Entry, Ledger, open_ledger
from serving.night import Night
from serving.score import split_by_bucket
from serving.scores import whole_evidence, whole_scores

NIGHT, DECISIONS, RECORDED = "night", "decisions", "recorded"
#: Records of one entry; each entry is signed.
TOGETHER = 1000


def record_night(night: Night, decided: Decided, progress: Progress) -> None:
    """Put every decision of a night on record; nothing is done where it is there already.

    Raises
    ------
    Unavailable : the ledger or its keys cannot be written; then nothing may be published.
    """
    ledger, keyring = open_ledger(night.workspace, actor=actor()), open_keyring(night.workspace)
    if _of(ledger, RECORDED, night.fingerprint):
        return
    history = history_texts(night.before, night.responses)
    layout = layout_of(next(_rows(night, decided, history)).schema)
    begun = _of(ledger, NIGHT, night.fingerprint)
    # A version that lays records out otherwise cannot go on with what another one began.
    if begun is None or begun.body["texts"]["layout"] != name_of(layout_text(layout)):
        begun = ledger.append(NIGHT, open_entry(ledger, night, decided, layout))
    opened = begun
    blocks = ledger.entries(DECISIONS, after=opened.seq)
    there = sum(one.body["count"] for one in blocks if one.body["night"] == opened.seq)
    total = _total(night, decided)
    # At once and in order: a few at a time take many times as long.
    keyring.make_keys(keyring.pseudonyms(_everybody(night, decided)))
    with progress.step("Recording decisions", total=total) as step:
        step.advance(there)
        passed = 0
        for rows in _rows(night, decided, history):
            skipped = min(max(there - passed, 0), rows.num_rows)
            for start in range(skipped, rows.num_rows, TOGETHER):
                chunk = rows.slice(start, TOGETHER)
                _append(ledger, keyring, opened, layout, chunk)
                step.advance(chunk.num_rows)
            passed += rows.num_rows
    ledger.append(RECORDED, {"night": opened.seq, "fingerprint": night.fingerprint, "count": total})


def record_name(fingerprint: str, customer_id: str) -> str:
    """Name the record of who was not decided for, but whose contacts or answers counted."""
    return f"{fingerprint}:{customer_id}"


def _of(ledger: Ledger, kind: str, fingerprint: str) -> Entry | None:
    """Return the newest entry of a kind that belongs to a night."""
    found = [entry for entry in ledger.entries(kind) if entry.body["fingerprint"] == fingerprint]
    return found[-1] if found else None


def _append(
    ledger: Ledger, keyring: Keyring, opened: Entry, layout: Layout, rows: pa.Table
) -> None:
    """Seal some records, each for its customer, and append them as one entry."""
    customers, decisions = rows["customer_id"].to_pylist(), rows["decision_id"].to_pylist()
    fingerprint = opened.body["fingerprint"]
    names = [
        decision or record_name(fingerprint, customer)
        for decision, customer in zip(decisions, customers, strict=True)
    ]
    ids, pseudonyms = keyring.record_ids(names), keyring.pseudonyms(customers)
    sealed = keyring.seal(pseudonyms, pack(rows, layout), ids)
    leaves = [b"".join(parts) for parts in zip(ids, pseudonyms, sealed, strict=True)]
    body = {"night": opened.seq, "count": rows.num_rows, "epoch": keyring.epoch}
    ledger.append(DECISIONS, body, leaves)


def _rows(night: Night, decided: Decided, history: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    """Lay out all records in an order that depends on nothing but the night, bucket by bucket."""
    others = split_by_bucket(_beside(night, decided), night.snapshot.buckets)
    for bucket in range(night.snapshot.buckets):
        evidence, scores = whole_evidence(night, bucket), whole_scores(night, bucket)
        rows = record_rows(evidence, scores, decided.table, night.facts)
        beside = pa.table({"customer_id": others[bucket]})
        rows = pa.concat_tables([rows, beside], promote_options="default").combine_chunks()
        yield with_history(rows, history)


def _beside(night: Night, decided: Decided) -> pa.ChunkedArray:
    """Return who is not listed, but whose contacts hold places or whose answers count."""
    histories = [*night.before["customer_id"].chunks, *night.responses["customer_id"].chunks]
    everybody = pc.unique(pa.chunked_array(histories, pa.string()))
    listed = decided.table["customer_id"].combine_chunks()
    others = everybody.filter(pc.invert(pc.is_in(everybody, value_set=listed)))
    return pa.chunked_array([others])


def _everybody(night: Night, decided: Decided) -> list[str]:
    listed = decided.table["customer_id"].to_pylist()
    return [*listed, *_beside(night, decided).to_pylist()]


def _total(night: Night, decided: Decided) -> int:
    return int(decided.table.num_rows + len(_beside(night, decided)))
