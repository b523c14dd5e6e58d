"""The head of every page about a record: its verdict, and in small print what the run was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollback_lib.record.verdict import Verdict
from rollback_lib.settings import PACKAGE
from rollback_lib.text import times

_FACTS = ("procedure", "stack", "host", "who", "mode", "incident")


@dataclass(frozen=True)
class Head:
    """The head of a page. `level` is the level of the verdict, which decides its colour. `because` is the reason that a person gave for the
    run, `reason` the reason for the verdict. `broke` is why it went on without an approval, "" if it did not."""

    title: str
    verdict: str
    level: str
    reason: str
    because: str
    small_print: tuple[str, ...]
    broke: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any], title: str) -> "Head":
        """The head for a record.json."""
        verdict = str(record["verdict"])
        level = Verdict(verdict).level if verdict in set(Verdict) else "info"
        because = str(record.get("because") or "")
        return cls(title, verdict, level, str(record["reason"]), because, tuple(_small_print(record)), str(record.get("break_glass") or ""))


def _small_print(record: Mapping[str, Any]) -> Iterator[str]:
    for name in _FACTS:
        if record.get(name):
            yield f"{name}: {record[name]}"
    if "seconds" in record and record.get("budget"):
        yield times.of_budget(record["seconds"], record["budget"])
    if record.get("written"):
        yield f"written: {times.minute(datetime.fromisoformat(record['written']))}"
    if record.get("version"):
        yield f"{PACKAGE} {record['version']}"
