"""Typed fields of a configuration file: each read collects what is wrong and goes on.

A `Fields` goes over one mapping. Reading a field gives its value, or its default when it is absent
or wrong; what was wrong is in `faults`, with line, field and the nearest names. Call `finish` when
all known keys are read: what is left is unknown.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar
from zoneinfo import available_timezones

from features.errors import BadInput, ForestayError
from features.settings.spans import parse_zone
from features.settings.yaml_lines import YamlNode

Value = TypeVar("Value")


def nearest(word: str, names: Iterable[str]) -> str:
    """Say which names look like `word`, as the end of a message; empty when none does.

    >>> nearest("ordred_at", ["ordered_at", "amount"])
    ' (did you mean `ordered_at`?)'
    """
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_lower, n=2, cutoff=0.6)
    words = " or ".join(f"`{by_lower[name]}`" for name in close)
    return f" (did you mean {words}?)" if close else ""


def fault(node: YamlNode, problem: str, expected: str, remedy: str = "correct it") -> BadInput:
    """Make the error of one place in the file."""
    return BadInput(node.where, problem, expected, remedy)


class Fields:
    """One mapping of the file, read key by key.

    Parameters
    ----------
    node : the mapping; another kind of node is itself a fault, and reads as an empty mapping.
    faults : receives everything that is wrong.
    """

    def __init__(self, node: YamlNode, faults: list[ForestayError]) -> None:
        self.node, self.faults = node, faults
        self._read: list[str] = []
        if node.kind not in ("mapping", "nothing"):
            self.refuse(node, f"{node.kind_words} where a mapping belongs", "`key: value` lines")

    def refuse(
        self, node: YamlNode, problem: str, expected: str, remedy: str = "correct it"
    ) -> None:
        """Collect a fault of one place."""
        self.faults.append(fault(node, problem, expected, remedy))

    def given(self, key: str) -> YamlNode | None:
        """Return what stands under a key; None when it is absent or empty."""
        self._read.append(key)
        node = self.node.entries.get(key)
        return None if node is None or node.kind == "nothing" else node

    def needed(self, key: str, expected: str) -> YamlNode | None:
        """Return what stands under a key that must be there."""
        node = self.given(key)
        if node is None:
            at = self.node.entries.get(key, self.node)
            self.refuse(at, f"`{key}` is missing", expected, f"add `{key}:`")
        return node

    def forgive(self, names: Collection[str]) -> None:
        """Refuse keys that are misspelt names, and read them as the names that were meant.

        So one slip gives one message, and the faults below the misspelt key come along with it.
        """
        entries = dict(self.node.entries)
        for key, node in self.node.entries.items():
            close = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.6)
            if key not in names and close and close[0] not in entries:
                entries[close[0]] = entries.pop(key)
                self._refuse_key(key, node, names)
        self.node = replace(self.node, entries=entries)

    def finish(self) -> None:
        """Refuse the keys nobody read, each with the nearest names."""
        for key, node in self.node.entries.items():
            if key not in self._read:
                self._refuse_key(key, node, self._read)

    def _refuse_key(self, key: str, node: YamlNode, names: Iterable[str]) -> None:
        self.refuse(
            node,
            f"unknown key `{key}`{nearest(key, names)}",
            "one of " + ", ".join(sorted(set(names))),
            "correct or remove it",
        )

    def text(self, key: str) -> str | None:
        """Read one text; None when absent."""
        return self.scalar(key, str, "a text")

    def scalar(self, key: str, parse: Callable[[str], Value], expected: str) -> Value | None:
        """Read a single value by `parse`, which raises ValueError where it is wrong."""
        node = self.given(key)
        return None if node is None else self.parsed(node, parse, expected)

    def parsed(self, node: YamlNode, parse: Callable[[str], Value], expected: str) -> Value | None:
        """Parse one node; None, and a fault, where it is wrong."""
        if node.kind != "text":
            self.refuse(node, f"{node.kind_words} where a single value belongs", expected)
            return None
        try:
            return parse(node.text.strip())
        except (ValueError, OverflowError):
            self.refuse(node, f"`{node.text.strip()[:60]}` cannot be used", expected)
            return None

    def whole(self, key: str, *, default: int, lowest: int) -> int:
        """Read a whole number of at least `lowest`."""
        found = self.scalar(key, lambda text: _whole(text, lowest), f"a whole number from {lowest}")
        return default if found is None else found

    def choice(self, key: str, options: Sequence[str]) -> str | None:
        """Read one of a few words; None when absent or wrong."""
        node = self.given(key)
        if node is None:
            return None
        if node.kind == "text" and node.text in options:
            return node.text
        words = f"`{node.text}`" if node.kind == "text" else node.kind_words
        hint = nearest(node.text, options)
        self.refuse(node, f"{words} is not known here{hint}", "one of " + ", ".join(options))
        return None

    def zone(self, key: str) -> str | None:
        """Read a time zone; an unknown one is told with the nearest names."""
        node = self.given(key)
        if node is None:
            return None
        try:
            return parse_zone(node.text.strip())
        except ValueError:
            words = f"no time zone `{node.text}`" if node.kind == "text" else node.kind_words
            hint = nearest(node.text, available_timezones())
            self.refuse(node, f"{words}{hint}", "an IANA name, such as Europe/London")
            return None

    def mapping(self, key: str) -> "Fields | None":
        """Open the mapping below a key; None when it is absent, empty or something else."""
        node = self.given(key)
        if node is None:
            return None
        inner = Fields(node, self.faults)
        return inner if node.kind == "mapping" else None

    def texts(self, key: str) -> tuple[tuple[str, YamlNode], ...]:
        """Read one text or a list of them, each with its place; empty when absent."""
        node = self.given(key)
        if node is None:
            return ()
        if node.kind == "mapping":
            self.refuse(node, "a mapping where a list belongs", "a list of names (`[a, b]`)")
            return ()
        return tuple(
            (item.text.strip(), item)
            for item in (node.items if node.kind == "list" else (node,))
            if self._is_text(item)
        )

    def _is_text(self, node: YamlNode) -> bool:
        if node.kind == "text" and node.text.strip():
            return True
        words = "an empty text" if node.kind == "text" else node.kind_words
        self.refuse(node, f"{words} where a text belongs", "a text")
        return False


def _whole(text: str, lowest: int) -> int:
    number = int(text.replace("_", "x"))
    if not lowest <= number <= 10**6:
        raise ValueError(text)
    return number
