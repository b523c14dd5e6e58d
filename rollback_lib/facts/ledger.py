"""Ledgers on the host: files of JSON lines that only grow."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.host.snippets import SEEN

T = TypeVar("T")


def entries(path: str, make: Callable[..., T]) -> Fact[list[T]]:
    """The lines of the ledger, oldest first, each made by `make` of its keys; one that was cut short is skipped."""

    def read(out: str) -> list[T]:
        found = []
        for line in out.splitlines():
            try:
                raw: dict[str, Any] = json.loads(line)
                found.append(make(**{**raw, "when": datetime.fromisoformat(raw["when"])}))
            except (ValueError, TypeError, KeyError):
                continue
        return found

    look = SEEN + 'if seen "$1"; then cat "$1"; fi'
    return Fact((Command.of("sh", "-euc", look, "sh", path),), read, missing=f"the ledger {path} could not be read")
