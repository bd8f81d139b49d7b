"""`forestay.yaml`: read, check, and make a `Workspace`, with every fault at once.

Top of the file here; its sources in `features/source_mappings.py`, its targets and own features in
`features/declared_targets.py`. Checks only what the file itself can tell: whether data exist, and
hold the columns named, is for `forestay check`.
"""

import re
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from features.errors import BadInput, ForestayError, NotReady, raise_faults
from features.settings.declared_ledger import read_ledger
from features.settings.declared_models import read_models
from features.settings.declared_service import read_online_store, read_service
from features.settings.declared_targets import read_own_features, read_targets
from features.settings.fields import Fields
from features.settings.source_mappings import read_sources
from features.settings.spans import parse_day, parse_every, parse_present, parse_share
from features.settings.yaml_lines import YamlNode, read_yaml
from features.workspace import SnapshotPlan, Workspace

FILE = "forestay.yaml"
_DAY = "a day such as 2026-03-10"


def read_workspace(folder: Path) -> Workspace:
    """Read and check the file of a workspace; see `features.settings.load_workspace`."""
    path = folder / FILE
    if not path.is_file():
        raise NotReady(
            f"{FILE}",
            f"there is none in {folder}",
            "a folder with a forestay.yaml",
            "propose one from your files with `forestay init FILE...`, or name its folder with"
            " `--workspace DIR`",
        )
    faults: list[ForestayError] = []
    node = read_yaml(path, faults)
    if node is None and not faults:
        faults.append(
            BadInput(
                FILE,
                "the file is empty",
                "at least a name and one source",
                "propose one from your files with `forestay init FILE...`",
            )
        )
    workspace = None if node is None else _read(node, folder, faults)
    raise_faults(faults)
    if workspace is None:
        raise AssertionError  # no workspace without a fault
    return workspace


def _read(node: YamlNode, folder: Path, faults: list[ForestayError]) -> Workspace:
    fields = Fields(node, faults)
    raise_faults(faults if node.kind != "mapping" else ())
    zone = fields.zone("time_zone") or "UTC"
    sources = read_sources(fields)
    targets = read_targets(fields, sources)
    workspace = Workspace(
        folder=folder,
        name=_name(fields),
        currency=fields.scalar("currency", _currency, "three capital letters, such as GBP"),
        time_zone=zone,
        language=fields.choice("language", ("en", "zh")) or "en",
        protected=tuple(dict.fromkeys(text for text, _ in fields.texts("protected"))),
        sources=sources,
        targets=targets,
        snapshots=_snapshots(fields),
        test_as_of=_test_dates(fields),
        features=read_own_features(fields, sources),
        models=read_models(fields, targets),
        data_until=_present(fields, zone),
        quarantine_limit=_quarantine_limit(fields),
        promotion=_promotion(fields),
        ledger=read_ledger(fields, folder),
        service=read_service(fields, folder),
        online_store=read_online_store(fields),
    )
    fields.finish()
    return workspace


def _name(fields: Fields) -> str:
    expected = "letters, digits, `-`, `_` and `.`, at most 64 of them, such as online-shop"
    node = fields.needed("name", expected)
    return (fields.parsed(node, _legal_name, expected) if node else None) or ""


def _legal_name(text: str) -> str:
    # It becomes part of MLflow's names and of file names.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise ValueError(text)
    return text


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError(text)
    return text


def _snapshots(fields: Fields) -> SnapshotPlan:
    inner = fields.mapping("snapshots")
    if inner is None:
        return SnapshotPlan()
    every = inner.scalar("every", parse_every, "days, weeks or months: 7d, 2w, 1mo")
    first = inner.scalar("first", parse_day, _DAY)
    last = inner.scalar("last", parse_day, _DAY)
    if first and last and last < first:
        inner.refuse(inner.node, "`last` lies before `first`", "first <= last")
    inner.finish()
    return SnapshotPlan(every=every, first=first, last=last)


def _test_dates(fields: Fields) -> tuple[date, ...] | None:
    inner = fields.mapping("evaluation")
    if inner is None:
        return None
    days = [
        (day, node)
        for text, node in inner.texts("test_as_of")
        if (day := inner.parsed(node, parse_day, _DAY)) is not None
    ]
    for (earlier, _), (later, node) in pairwise(days):
        if later <= earlier:
            problem = "is given twice" if later == earlier else f"comes after {earlier}"
            inner.refuse(node, f"{later} {problem}", "each date once, oldest first")
    inner.finish()
    return tuple(day for day, _ in days) or None


def _present(fields: Fields, zone: str) -> datetime | None:
    return fields.scalar(
        "data_until",
        lambda text: parse_present(text, ZoneInfo(zone)),
        "a day (2026-03-10, the midnight that starts it) or an instant (2026-03-10T18:00)",
    )


def _quarantine_limit(fields: Fields) -> float:
    found = fields.scalar("quarantine_limit", parse_share, "a share from 0 to 1, or 0% to 100%")
    return Workspace.quarantine_limit if found is None else found


def _promotion(fields: Fields) -> Literal["automatic", "second_person"]:
    found = fields.choice("promotion", ("automatic", "second_person"))
    return "second_person" if found == "second_person" else "automatic"
