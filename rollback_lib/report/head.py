"""What every page of a record begins with: its verdict, and in small print what it is a record of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollback_lib.settings import PACKAGE
from rollback_lib.text import times

_FACTS = ("procedure", "stack", "host", "who", "mode", "incident")
_LEVELS = {0: "good", 3: "warn", 4: "warn"}  # by exit status: as asked, refused, back in the state before; all else is bad


@dataclass(frozen=True)
class Head:
    """`level` is good, warn or bad, and "" where it is not known: a colour beside the words."""

    title: str
    verdict: str
    level: str
    reason: str
    because: str
    small_print: tuple[str, ...]

    @classmethod
    def of(cls, record: Mapping[str, Any], title: str) -> "Head":
        """That of a record.json."""
        level = _LEVELS.get(record["status"], "bad") if "status" in record else ""
        because = str(record.get("because") or "")
        return cls(title, str(record["verdict"]), level, str(record["reason"]), because, tuple(_small_print(record)))


def _small_print(record: Mapping[str, Any]) -> Iterator[str]:
    for name in _FACTS:
        if record.get(name):
            yield f"{name}: {record[name]}"
    if record.get("written"):
        yield f"written: {times.minute(datetime.fromisoformat(record['written']))}"
    if record.get("version"):
        yield f"{PACKAGE} {record['version']}"
    if "seconds" in record and record.get("budget"):
        yield times.of_budget(record["seconds"], record["budget"])
