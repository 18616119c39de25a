"""What requests and tests set in place of generated objects, and from when on reads show it."""

import math
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Objects:
    """Objects and lists by path, each with its history.

    A list's item that was set on its own has the path of the list, a slash and its key; None
    stands for a deleted one. Paths of beta begin with `beta/`.

    Args:
        lag_seconds: How long after a write reads show it.
    """

    lag_seconds: float = 0
    _history: dict[str, list[tuple[float, Any]]] = field(default_factory=dict)

    def put(self, path: str, value: Any, *, at_once: bool = False) -> None:
        """Set an object, a list, or an item."""
        since = 0.0 if at_once else time.monotonic() + self.lag_seconds
        self._history.setdefault(path, []).append((since, value))

    def drop(self, path: str, *, is_list: bool) -> None:
        """Forget what was set at a path; of a list, its items too."""
        start = f"{path}/"
        for known in list(self._history):
            is_item = is_list and known.startswith(start) and "/" not in known[len(start) :]
            if known == path or is_item:
                del self._history[known]

    def get(self, path: str, default: Any, *, latest: bool = False) -> Any:
        """Return what reads show at a path, or what was set last."""
        now = math.inf if latest else time.monotonic()
        shown = [value for since, value in self._history.get(path, []) if since <= now]
        return shown[-1] if shown else default

    def items(self, path: str, *, latest: bool = False) -> dict[str, Any]:
        """Return the items of a list that were set on their own, by key."""
        start = f"{path}/"
        keys = [known.removeprefix(start) for known in self._history if known.startswith(start)]
        unset = object()
        found = {key: self.get(start + key, unset, latest=latest) for key in keys if "/" not in key}
        return {key: item for key, item in found.items() if item is not unset}
