"""The `ledger:` block of a `forestay.yaml`: where records and keys lie, and for how long."""

from datetime import timedelta
from pathlib import Path

from features.settings.fields import Fields
from features.settings.source_uri import scheme_of
from features.settings.spans import parse_span
from features.workspace import LedgerSettings

#: Records of automatic decisions are kept so long at least (EU AI Act, Art. 19 and 26(6)).
LEAST_KEPT = timedelta(days=183)


def read_ledger(fields: Fields, folder: Path) -> LedgerSettings:
    """Read the block; everything has a default."""
    inner = fields.mapping("ledger")
    if inner is None:
        return LedgerSettings()
    found = LedgerSettings(
        store=_database(inner),
        keys=_folder(inner, "keys", folder),
        copy_heads_to=_folder(inner, "copy_heads_to", folder),
        keep=inner.scalar("keep", _kept, "at least 183d, such as 1095d or 156w")
        or LedgerSettings.keep,
    )
    inner.finish()
    return found


def _database(fields: Fields) -> str | None:
    node = fields.given("store")
    if node is None:
        return None
    text = node.text.strip() if node.kind == "text" else ""
    # A uri that stands in the environment as a whole is looked at when it is opened.
    if scheme_of(text) in ("postgresql", "postgres") or text.startswith("${"):
        return text
    # It may hold a password, so it is not shown.
    fields.refuse(node, "it names no PostgreSQL database", "postgresql://user@host/database")
    return None


def _folder(fields: Fields, key: str, folder: Path) -> Path | None:
    found = fields.scalar(key, str, "a folder")
    return None if found is None else folder.resolve() / Path(found).expanduser()


def _kept(text: str) -> timedelta:
    span = parse_span(text)
    if span < LEAST_KEPT:
        raise ValueError(text)
    return span
