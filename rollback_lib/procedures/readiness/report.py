"""The rows of readiness: green, amber or red, each with what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollback_lib.facts.host import Unanswered
from rollback_lib.health.probe import Probe
from rollback_lib.plan.plan import Plan, some
from rollback_lib.procedures.common import retention
from rollback_lib.procedures.common.readiness import REMEMBER, Seen, Tried, trial_row
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row, of_certificates, of_machine, worst
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.restored import Restored
from rollback_lib.procedures.readiness.state import State, Target
from rollback_lib.procedures.readiness.stock import of_stock
from rollback_lib.procedures.registry import of_readiness, with_readiness
from rollback_lib.procedures.triage.symptoms import symptoms
from rollback_lib.record.verdict import Verdict
from rollback_lib.text import times

# What getaddrinfo says where nobody knows a name, on Linux and on macOS.
_NO_NAME = re.compile(r"Name or service not known|nodename nor servname|No address associated|failure in name resolution")


@dataclass(frozen=True)
class Report:
    """The rows of readiness, and the verdict that follows from them."""

    stack: str
    rows: tuple[Row, ...]

    @property
    def verdict(self) -> Verdict:
        return Verdict.NOT_READY if worst(self.rows) == RED else Verdict.READY

    @property
    def reason(self) -> str:
        """The report in a sentence."""
        red, amber = ([row.name for row in self.rows if row.level == level] for level in (RED, AMBER))
        if red:
            return f"a rollback is not sure to work: {some(red)}" + (f"; and soon: {some(amber)}" if amber else "")
        return f"a rollback would work; look soon at {some(amber)}" if amber else "a rollback would work, every row is green"

    def data(self) -> dict[str, Any]:
        """What the record keeps of it."""
        return {"rows": [row.__dict__ for row in self.rows]}

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do, a sentence each, for red rows first."""
        ordered = sorted((row for row in self.rows if row.do), key=lambda row: row.level != RED)
        return tuple(f"{row.level}, {row.name}: {row.found}; {row.do}" for row in ordered)


def report(now: State, target: Target, plan: Plan, tried: Mapping[str, Tried], restored: Restored) -> Report:
    """The report, from the state of the host and the trials."""
    seen = _seen(now, target, plan, tried, restored)
    rows = [
        Row("host", GREEN, f"{now.stack.host} was reached; its key and ours are accepted"),
        _user(now),
        *_routes(now),
        *_of_procedures(now, seen, whole=True),
        *_of_procedures(now, seen, whole=False),
        *_copies(now, tried),
        *of_stock(now.stock, tried),
        *of_machine(now.look.machine),
        *of_certificates(now.probes),
        _known_good(now, plan, tried),
    ]
    return Report(now.stack.name, tuple(rows))


def _seen(now: State, target: Target, plan: Plan, tried: Mapping[str, Tried], restored: Restored) -> list[tuple[str, Seen[Any, Any]]]:
    """For each part, the name of its procedure and what its rows are made of."""
    wrong, made = symptoms(now.look), After.read(plan.after).restored
    return [
        (part.procedure.name, Seen(
            label=part.label, name=part.name, state=now.states[part.label], target=target.found[part.label], look=now.look, symptoms=wrong,
            states=now.states, copies=now.copies, tried=tried, made=made.get(part.label, ""), measured=restored.found.get(part.label),
        ))
        for part, _ in of_readiness(now.stack)
    ]  # fmt: skip


def _of_procedures(now: State, seen: list[tuple[str, Seen[Any, Any]]], *, whole: bool) -> list[Row]:
    """The rows of all procedures whose rows are about the whole stack, or of all others."""
    rows: list[Row] = []
    for procedure, one in with_readiness():
        mine = [part for name, part in seen if name == procedure.name]
        if one.whole is whole:
            rows += [row for part in mine for row in one.rows(part)] if mine else one.absent(now.stack)
    return rows


def _user(now: State) -> Row:
    if isinstance(now.user, Unanswered):
        return Row("user", RED, now.user.why, "find out why: log in there by hand")
    ready = now.user.ready
    return Row("user", GREEN if ready else RED, now.user.words, "" if ready else "fix that on the host, or log in as another user")


def _routes(now: State) -> list[Row]:
    rows = []
    for probe in now.probes:
        level = GREEN if probe.ok else RED
        found = f"{probe.status or 'no answer'} in {probe.seconds * 1000:.0f} ms" + ("" if probe.ok else f": {probe.words}")
        rows.append(Row(f"route {probe.route}", level, found, "" if probe.ok else _of_route(probe)))
    return rows


def _of_route(probe: Probe) -> str:
    """What to do about a route that does not pass: its service may be well, and only the way from here be missing in the stack file."""
    if _NO_NAME.search(probe.words):
        return "if the name leads nowhere from here, add `connect_to: HOST:PORT` to the route in the stack file"
    if "certificate verify failed" in probe.words:
        return "if its certificate is of an authority of your own, add `ca: FILE` to the route in the stack file"
    return "find out why: `rollback run triage`"


def _copies(now: State, tried: Mapping[str, Tried]) -> list[Row]:
    """What earlier runs keep on the host for an undo, and what of it is removed."""
    found = now.copies
    if isinstance(found, Unanswered):
        return [Row("copies", AMBER, f"not known: {found.why}", "look at it on the host: nothing is removed as long as it cannot be read")]
    files, images = [one for one in found.all if not one.image], [one for one in found.all if one.image]
    oldest = max((one.days(datetime.now(UTC)) for one in found.all), default=0)
    kept = (
        f"{retention.number(files, 'file')}, {retention.size(files)}; {retention.number(images, 'image')}, up to {retention.size(images)}; "
        f"the oldest of {oldest} days"
    )
    one = tried.get(REMEMBER)
    if not found.beyond:
        rows = [Row("copies", GREEN, kept)]
    elif one and one.ok:
        rows = [Row("copies", GREEN, f"{kept}; removed now: {retention.said(found)}")]
    else:
        do = "a run with --apply removes it, this one too where every route passes"
        rows = [Row("copies", AMBER, f"{kept}; past its retention: {retention.said(found)}", do)]
    stale = retention.stale(found)
    if stale:
        words = [f"{one.place} of {one.incident}, {times.day(one.when)}" for one in stale]
        do = f"somebody's work, so it stays; when nobody needs it: `git -C {now.stack.work_tree} stash drop {stale[0].place}`"
        rows.append(Row("stashes", AMBER, some(words), do))
    return rows


def _known_good(now: State, plan: Plan, tried: Mapping[str, Tried]) -> Row:
    one = tried.get(REMEMBER)
    unkept = After.read(plan.after).unkept
    if unkept:
        do = "commit what is changed in the tree, so that a release has a name" if now.stack.tree else "see why it is not known what runs"
        return Row("known good", AMBER, unkept, do)
    if one is None:
        needs = "not entered: that needs --apply, and every route healthy"
        return Row("known good", AMBER, needs, "run it with --apply while the stack is healthy")
    return trial_row(
        "known good", "what runs is entered as a release known good", "it could not be entered", one, f"see output/{REMEMBER}.txt"
    )
