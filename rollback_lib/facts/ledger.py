"""Ledgers on the host: files with a line of JSON for each entry, to which lines are only added."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.host.snippets import SEEN

T = TypeVar("T")


def entries(path: str, make: Callable[..., T], key: str = "when") -> Fact[list[T]]:
    """The entries of the ledger at `path`, oldest first. Only lines with `key` are read, and `make` is called with the keys of each. A line
    that cannot be read, such as one that was cut off, is skipped."""

    def read(out: str) -> list[T]:
        found = []
        for line in out.splitlines():
            try:
                raw: dict[str, Any] = json.loads(line)
                found.append(make(**{**raw, "when": datetime.fromisoformat(raw["when"])}))
            except (ValueError, TypeError, KeyError):
                continue
        return found

    look = SEEN + 'if seen "$1"; then grep -F "\\"$2\\":" "$1" || [ $? -eq 1 ]; fi'
    return Fact((Command.of("sh", "-euc", look, "sh", path, key),), read, missing=f"the ledger {path} could not be read")
