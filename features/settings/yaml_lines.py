"""YAML with line numbers: what a file says, and on which line it says it.

Holds no meaning: which keys exist and what they mean is known by the reader of each file. Every
scalar stays the text that was written, so `no` is a word and `2010-06-01` has ten characters;
the reader of a field decides what it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from features.errors import BadInput, ForestayError

Kind = Literal["text", "nothing", "mapping", "list"]
#: A configuration is never deeper, nor larger; a file that is has anchors that multiply.
DEEPEST, MOST_NODES = 20, 20_000
_KINDS: dict[Kind, str] = {
    "text": "a single value",
    "nothing": "nothing",
    "mapping": "a mapping (`key: value`)",
    "list": "a list (`[a, b]`)",
}


@dataclass(frozen=True, kw_only=True)
class YamlNode:
    """One value of the file with its place; `text`, `entries` or `items` by its kind."""

    file: str
    line: int
    path: str
    kind: Kind
    text: str = ""
    entries: dict[str, "YamlNode"] = field(default_factory=dict)
    items: tuple["YamlNode", ...] = ()

    @property
    def where(self) -> str:
        """Name the place as the reader of a message knows it."""
        return f"{self.file}, line {self.line}" + (f", field {self.path}" if self.path else "")

    @property
    def kind_words(self) -> str:
        """Name the kind of value for a message."""
        return _KINDS[self.kind]

    def __iter__(self) -> Iterator["YamlNode"]:
        """Go through the items of a list."""
        return iter(self.items)


def read_yaml(path: Path, faults: list[ForestayError]) -> YamlNode | None:
    """Read a YAML file so that every value knows its line; see `parse_yaml`."""
    return parse_yaml(path.read_bytes(), path.name, faults)


def parse_yaml(content: bytes, file: str, faults: list[ForestayError]) -> YamlNode | None:
    """Parse YAML so that every value knows its line.

    Parameters
    ----------
    content : the bytes of the file, UTF-8.
    file : its name, for messages.
    faults : receives what is wrong; duplicate keys do not stop the reading, bad syntax does.

    Returns
    -------
    node : the document; None when it is empty or cannot be read at all (then faults say why).
    """
    try:
        text = content.decode("utf-8-sig")
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        faults.append(BadInput(file, "not UTF-8 text", "text in UTF-8", "save the file as UTF-8"))
        return None
    except yaml.YAMLError as error:
        faults.append(_syntax_fault(file, error))
        return None
    except RecursionError:
        faults.append(_too_large(file))
        return None
    if document is None:
        return None
    tree = _Tree(file, faults)
    node = tree.convert(document, "", 0)
    return None if tree.overgrown else node


def _syntax_fault(file: str, error: yaml.YAMLError) -> BadInput:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = f"{file}, line {mark.line + 1}, column {mark.column + 1}" if mark else file
    # PyYAML's own words hold no text of the file, except for single characters and anchors.
    parts = (getattr(error, name, None) for name in ("context", "problem", "reason"))
    words = ", ".join(str(part) for part in parts if part) or "cannot be read"
    return BadInput(
        where,
        f"not valid YAML: {words}",
        "`key: value` lines, indented by spaces; texts with `: `, `#` or quotes inside quotes",
        "correct that line, or the one before it",
    )


def _too_large(where: str) -> BadInput:
    return BadInput(
        where,
        "nested too deeply, or far too large",
        f"at most {DEEPEST} levels and {MOST_NODES:,} values",
        "write out what its anchors (`&`, `*`) repeat",
    )


class _Tree:
    """Conversion of one document, counting nodes against anchors that multiply."""

    def __init__(self, file: str, faults: list[ForestayError]) -> None:
        self.file, self.faults = file, faults
        self.count, self.overgrown = 0, False

    def convert(self, node: yaml.Node, path: str, depth: int, line: int = 0) -> YamlNode:
        self.count += 1
        line = line or node.start_mark.line + 1
        if self.overgrown or depth > DEEPEST or self.count > MOST_NODES:
            if not self.overgrown:
                self.faults.append(_too_large(f"{self.file}, line {line}"))
            self.overgrown = True
            return YamlNode(file=self.file, line=line, path=path, kind="nothing")
        place = {"file": self.file, "line": line, "path": path}
        if isinstance(node, yaml.MappingNode):
            entries = self._entries(node, path, depth)
            return YamlNode(**place, kind="mapping", entries=entries)  # type: ignore[arg-type]
        if isinstance(node, yaml.SequenceNode):
            items = tuple(
                self.convert(item, f"{path}[{index}]", depth + 1)
                for index, item in enumerate(node.value)
            )
            return YamlNode(**place, kind="list", items=items)  # type: ignore[arg-type]
        kind: Kind = "nothing" if node.tag.endswith(":null") else "text"
        return YamlNode(**place, kind=kind, text=node.value)  # type: ignore[arg-type]

    def _entries(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, YamlNode]:
        entries: dict[str, YamlNode] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(self._bad_key(line, path))
                continue
            key = key_node.value
            child = f"{path}.{key}" if path else key
            if key in entries:
                self.faults.append(self._twice(line, child, entries[key].line))
                continue
            entries[key] = self.convert(value_node, child, depth + 1, line)
        return entries

    def _bad_key(self, line: int, path: str) -> BadInput:
        return BadInput(
            f"{self.file}, line {line}" + (f", field {path}" if path else ""),
            "a key is itself a list or a mapping",
            "a name before the colon",
            "put quotes around values that start with `{` or `[`",
        )

    def _twice(self, line: int, child: str, first: int) -> BadInput:
        return BadInput(
            f"{self.file}, line {line}, field {child}",
            f"this key was already given on line {first}",
            "each key once",
            "remove one of the two, or join them",
        )
