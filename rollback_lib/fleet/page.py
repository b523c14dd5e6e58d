"""The fleet page: what would be done, or was done, on each stack, and what differs between the plans. One HTML file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.fleet.differences import Group, groups
from rollback_lib.fleet.outcome import Kind, Outcome
from rollback_lib.fleet.stacks import name
from rollback_lib.fleet.tally import Tally
from rollback_lib.report import rendering
from rollback_lib.report.page import WORDS, Column, Table
from rollback_lib.settings import PACKAGE, version
from rollback_lib.text import tables, times

_SIGNS = {Kind.PLANNED: "●", Kind.NOTHING: "●", Kind.LOOKED: "✔", Kind.READY: "✔", Kind.DONE: "✔", Kind.UNDONE: "✔"}
_STACKS = (
    Column("", short=True), Column("stack"), Column("host", short=True), Column("wave", short=True), Column("came to", short=True),
    Column("plan", short=True), Column("target", short=True), Column("record", short=True), Column("took", short=True), WORDS,
)  # fmt: skip
_TARGET = 19  # characters of a target, such as a commit or the time of a release
_SHOWN = 40  # stacks that need a look, in the text for the approval


@dataclass(frozen=True)
class Page:
    """What is shown: the `title`, a sentence on the whole, the outcomes, and for each stack the number of its wave. `level` is good, warn
    or bad. `plans` are the outcomes of the plans, if others came after."""

    title: str
    sentence: str
    tally: Tally
    waves: Mapping[str, int]
    level: str = "warn"
    plans: Sequence[Outcome] = ()

    def html(self) -> str:
        """The page."""
        found = groups(self.plans or self.tally.outcomes)
        letters = {one.stack: group.name for group in found for one in group.outcomes}
        written = f"written: {times.minute(datetime.now(UTC))} · {PACKAGE} {version()}"
        return rendering.render(
            "fleet", title=self.title, said=self.sentence, counted=self.tally.words, level=self.level, written=written,
            table=Table("", _STACKS, [self._row(one, letters) for one in self.tally.outcomes]), groups=[_shown(one) for one in found],
        )  # fmt: skip

    def _row(self, one: Outcome, letters: Mapping[str, str]) -> Sequence[str]:
        wave = self.waves.get(one.stack)
        return (
            _SIGNS.get(one.kind, "✘"), name(one.stack), one.host, str(wave or "–"), one.kind, letters.get(one.stack, "–"),
            (one.target or "–")[:_TARGET], one.incident or "–", times.exactly(one.seconds), _why(one),
        )  # fmt: skip

    def markdown(self, where: str) -> str:
        """The same in short, for the question to a person: the groups, and each stack that cannot be rolled back. `where` is where the page
        is."""
        found = groups(self.tally.outcomes)
        odd = [one for one in self.tally.outcomes if one.kind is not Kind.PLANNED]
        lines = [f"**{self.tally.words}.** {self.sentence}", "", f"The fleet page, with every command: `{where}`", ""]
        lines += ["| plan | stacks | target | steps | what changes or is lost |", "|---|---|---|---|---|"]
        lines += map(_line, found)
        if odd:
            lines += ["", "| stack | came to | why |", "|---|---|---|"]
            lines += [f"| {name(one.stack)} | {one.kind} | {_cell(one.reason)} |" for one in odd[:_SHOWN]]
            lines += [f"| … | | {len(odd) - _SHOWN} more on the fleet page |"] if len(odd) > _SHOWN else []
        return "\n".join(lines)


def _shown(group: Group) -> Mapping[str, object]:
    many = tables.count(len(group.outcomes), "stack")
    return {
        "title": f"Plan {group.name}: {many}", "stacks": ", ".join(name(one.stack) for one in group.outcomes), "target": group.first.target,
        "losses": _losses(group), "differs": "\n".join(group.differs), "shell": group.first.comparable,
    }  # fmt: skip


def _why(one: Outcome) -> str:
    """Why a stack is not as it should be; of one that is not ready, its red rows."""
    red = [f"{row['name']}: {row['found']}" for row in one.findings if row.get("level") == "red"]
    return "; ".join(red) or one.reason if one.failed else ""


def _line(group: Group) -> str:
    """The row of a group in the table of the question."""
    lost = _cell("; ".join(_losses(group))) or "nothing"
    return f"| {group.name} | {in_short(one.stack for one in group.outcomes)} | `{group.first.target}` | {_steps(group.first)} | {lost} |"


def in_short(stacks: Iterable[str]) -> str:
    """The names of stacks; of many, the first ten."""
    names = [name(stack) for stack in stacks]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _steps(one: Outcome) -> str:
    return ", ".join(step["name"] for step in one.steps if step["state"] != "not needed")


def _losses(group: Group) -> list[str]:
    """What the stacks of a group lose; of what not all of them lose, how many do."""
    many = len(group.outcomes)
    counted = Counter(loss for one in group.outcomes for loss in one.losses)
    return [loss if number == many else f"{loss} ({number} of {many})" for loss, number in counted.items()]


def _cell(text: str) -> str:
    """A text in a cell of a Markdown table: nothing in it is markup."""
    return " ".join("".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|!" else sign for sign in text).split())
