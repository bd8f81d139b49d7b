"""The proposed forestay.yaml as text: commented, every doubt marked with `# ???`."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from features.proposal.look import READERS, suffix_of
from features.proposal.mapping import Mapping
from features.proposal.rhythm import Plan
from features.proposal.roles import PERSONAL_WORDS

_HEAD = """\
# Proposed by `forestay init` from a look at the files. What could not be told from them is marked
# with ???. Then: `forestay check`, which changes nothing, and `forestay run`.
"""
_ORDER = ("orders", "interactions", "contracts", "customers", "profiles", "outcomes", "contacts",
          "aliases")  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def scalar(text: str) -> str:
    r"""Write a text so that YAML reads it back as it is.

    >>> scalar("customer"), scalar("'churn'"), scalar('"Customer ID"')
    ('customer', '"\'churn\'"', '\'"Customer ID"\'')
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    if '"' in text and "\n" not in text:
        return "'" + text.replace("'", "''") + "'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def write_yaml(
    name: str, mappings: Sequence[Mapping], plan: Plan, folder: Path, currency: str | None
) -> str:
    """Write the file, its uris relative to the workspace's folder where they lie in it."""
    lines = [_HEAD.rstrip(), f"name: {name}", _currency(mappings, currency)]
    lines.append("# ??? the clock of times without a zone, and where midnight is")
    lines += ["time_zone: UTC", "language: en"]
    lines.append("# columns never used as feature, only to measure fairness")
    lines.append(f"protected: []{_personal(mappings)}")
    if plan.data_until:
        lines.append("# ??? hardly any rows follow, so the files look incomplete from here on")
        lines.append(f"data_until: {plan.data_until}")
    lines += ["sources:", *_sources(mappings, folder), *_targets(plan)]
    if plan.every:
        lines.append(f"snapshots: {{every: {plan.every}}}")
    return "\n".join(line for line in lines if line) + "\n"


def _personal(mappings: Sequence[Mapping]) -> str:
    names = [
        scalar(column.name)
        for mapping in mappings
        if mapping.table in ("profiles", "customers")
        for column in mapping.look.columns
        if PERSONAL_WORDS & set(column.words)
    ]
    return f"    # ??? perhaps [{', '.join(dict.fromkeys(names))}]" if names else ""


def _currency(mappings: Sequence[Mapping], currency: str | None) -> str:
    if currency:
        return f"currency: {currency}"
    money = any(mapping.table in ("orders", "contracts") for mapping in mappings)
    return "# currency: ???   three letters, such as EUR" if money else ""


def _sources(mappings: Sequence[Mapping], folder: Path) -> Iterator[str]:
    for table in _ORDER:
        found = [mapping for mapping in mappings if mapping.table == table]
        if not found:
            continue
        yield f"  {table}:"
        for mapping in found:
            lines = list(_mapping(mapping, folder))
            if len(found) == 1:
                yield from (f"    {line}" for line in lines)
            else:
                yield f"    - {lines[0]}"
                yield from (f"      {line}" for line in lines[1:])


def _mapping(mapping: Mapping, folder: Path) -> Iterator[str]:
    yield f"uri: {_uri(mapping.look.files, folder)}"
    yield from (f"# {remark}" for remark in mapping.remarks)
    if mapping.where:
        yield f"where: {scalar(' AND '.join(mapping.where))}"
    yield "columns:"
    for column, sql in mapping.columns.items():
        if column in mapping.doubts:
            yield f"  # ??? {mapping.doubts[column]}"
        yield f"  {column}: {scalar(sql)}"
    for key, value in mapping.settings.items():
        if isinstance(value, list):
            if value:
                yield f"{key}: [{', '.join(map(scalar, value))}]"
        else:
            yield f"{key}: {scalar(value)}"


def _targets(plan: Plan) -> Iterator[str]:
    if not plan.targets:
        yield "# ??? nothing here says who left or complained, so no target is proposed"
        yield "targets: {}"
        return
    yield "targets:"
    for target, keys in plan.targets.items():
        yield f"  {target}: {{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"


def _uri(files: Sequence[Path], folder: Path) -> str:
    names = [_relative(file, folder) for file in files]
    if len(names) == 1:
        return scalar(names[0])
    home, suffix = files[0].parent, suffix_of(files[0])
    if all(file.parent == home for file in files) and set(files) == _same_kind(home, suffix):
        return scalar(f"{_relative(home, folder)}/*{files[0].suffix}".removeprefix("./"))
    return f"[{', '.join(map(scalar, names))}]"


def _same_kind(home: Path, suffix: str) -> set[Path]:
    return {f for f in home.iterdir() if suffix_of(f) == suffix and suffix in READERS}


def _relative(path: Path, folder: Path) -> str:
    here = folder.resolve()
    inside = path.is_relative_to(here)
    return (Path(os.path.relpath(path, here)) if inside else path).as_posix()
