"""What happened to whom in which week, collected while the weeks go by."""

from collections import defaultdict

import numpy as np

Columns = dict[str, np.ndarray]


class Journal:
    """Happenings by name, each a set of parallel arrays; `who` indexes the chunk's customers."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Columns]] = defaultdict(list)

    def note(self, name: str, week: int, who: np.ndarray, **columns: np.ndarray) -> None:
        """Write down that `name` happened to the customers `who` in `week`."""
        if len(who):
            weeks = np.full(len(who), week, dtype=np.int64)
            self._parts[name].append({"week": weeks, "who": who, **columns})

    def of(self, name: str) -> Columns:
        """Return everything noted under `name`, in the order it was noted."""
        parts = self._parts.get(name)
        if not parts:
            return {"week": np.empty(0, dtype=np.int64), "who": np.empty(0, dtype=np.int64)}
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
