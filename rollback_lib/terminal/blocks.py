"""What stands below an event: the state, the plan, the checklist, what was verified, what was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from rollback_lib.facts.docker import Container
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.terminal.line import Line, Tone, table
from rollback_lib.text import tables, times

DIFF_LINES = 200
SHOWN = 12  # how many changes since the stack was healthy
Event = Mapping[str, Any]
_CONTAINER = {field.name for field in fields(Container)}
_CHANGES = {
    Changes.NOTHING: "leaves the stack as it is",
    Changes.TRIAL: "leaves the stack as it is; its failure is only a finding",
    Changes.STACK: "changes the stack",
    Changes.AT_ONCE: "changes the stack, all of it or nothing",
    Changes.DATA: "changes the stack and loses data",
}
_WHEN = {When.ALWAYS: "", When.UNHEALTHY: ", only if the routes do not pass by themselves", When.HEALTHY: ", only if the routes pass"}
_FITS = {"fits": Tone.GOOD, "may fit": Tone.WARN, "does not fit": Tone.BAD}
_LEVELS = {"green": Tone.GOOD, "amber": Tone.WARN, "red": Tone.BAD}
_DIFF = {"+": Tone.ADDED, "-": Tone.REMOVED, "@": Tone.TITLE}


def containers(found: object) -> Iterator[Event]:
    """The containers among the answers of the host, as `facts/docker.py` has them."""
    if isinstance(found, dict) and found.keys() >= _CONTAINER:
        yield found
    elif isinstance(found, dict | list):
        for one in found.values() if isinstance(found, dict) else found:
            yield from containers(one)


def state(probes: Mapping[str, Event], found: Mapping[str, Event]) -> list[Line]:
    """The routes and the containers, each by its name."""
    rows = [(_tone(ok=one["ok"]), name, _answer(one)) for name, one in probes.items()]
    rows += [(_tone(ok=_runs(one)), name, _container(one)) for name, one in sorted(found.items())]
    return table(rows)


def _tone(*, ok: bool) -> Tone:
    return Tone.GOOD if ok else Tone.BAD


def _answer(probe: Event) -> str:
    word = "passes" if probe["ok"] else "fails"
    said = f": {probe['said']}" if probe["said"] else ""
    return f"{word}, {probe['status'] or 'no answer'} in {probe['ms']} ms{said}"


def _runs(container: Event) -> bool:
    return bool(container["state"] == "running" and container["health"] != "unhealthy")


def _container(one: Event) -> str:
    health = f" ({one['health']})" if one["health"] else ""
    since = times.minute(datetime.fromisoformat(one["started"]))
    return f"{one['state']}{health}, started {since}, {tables.count(one['restarts'], 'restart')}"


def plan(one: Plan, folder: Path | None, usual: Mapping[str, float], states: Mapping[str, str]) -> Iterator[Line]:
    """All that a plan says: its facts, the diff, every command of its steps, what changes. `folder` is that of its record, None if
    it is not here. `usual` is how long a step usually takes, `states` how far it is, in a run that is resumed; both by its name."""
    yield from table([(Tone.QUIET, name, value) for name, value in one.facts if name != "host"])
    if one.nothing_to_do:
        return
    yield from diff(one.diff)
    for number, step in enumerate(one.steps, 1):
        yield from _step(number, step, usual.get(step.name), states.get(step.name, ""))
    if one.loses:
        yield Line("What changes", Tone.TITLE)
        yield from (Line(loss, Tone.WARN, depth=2) for loss in one.loses)
    yield from (Line(note, Tone.PLAIN) for note in one.notes)
    if one.undo:
        yield Line(f"Undo, in {folder / 'undo.sh'}" if folder else "Undo", Tone.TITLE)
        yield from (Line(f"{number} {step.name}: {step.title}", depth=2) for number, step in enumerate(one.undo, 1))


def diff(text: str) -> Iterator[Line]:
    """From the current state to the target."""
    lines = text.splitlines()
    if lines:
        yield Line("Diff, from the current state to the target", Tone.TITLE)
    yield from (Line(line, _DIFF.get(line[:1], Tone.QUIET), depth=2) for line in lines[:DIFF_LINES])
    if len(lines) > DIFF_LINES:
        yield Line(f"… {tables.count(len(lines) - DIFF_LINES, 'more line')} in plan.diff of the record", depth=2)


def _step(number: int, step: Step, usual: float | None, state: str) -> Iterator[Line]:
    yield Line(f"{number} {step.name}: {step.title}{f' ({state})' if state else ''}", Tone.TITLE)
    if step.skip:
        yield Line(f"Not needed: {step.skip}.", Tone.GOOD, depth=2)
        return
    often = f"; usually {times.exactly(usual)}" if usual is not None else ""
    yield Line(f"It {_CHANGES[step.changes]}{_WHEN[step.when]}{often}. {step.why}", depth=2)
    for command in step.script:
        yield Line(command.shell(), Tone.CODE, name="$ ", depth=2)


def checklist(points: Sequence[Event]) -> list[Line]:
    """Every point, with its answer."""
    return table([(_point_tone(one), one["name"], _point(one)) for one in points])


def _point_tone(point: Event) -> Tone:
    if point["answered"]:
        return Tone.GOOD
    return Tone.BAD if point.get("required") else Tone.WARN


def _point(point: Event) -> str:
    word = "" if point["answered"] else "required, and open: " if point.get("required") else "open: "
    return f"{point['question']} {word}{point['answer']}"


def effects(found: Sequence[Event]) -> list[Line]:
    """What was asked for, against what was found."""
    return table([_effect(one) for one in found])


def _effect(one: Event) -> tuple[Tone, str, str]:
    if one["asked"] == one["found"]:
        return Tone.GOOD, one["name"], str(one["found"])
    words = f"asked for {one['asked']}, found {one['found']}"
    return (Tone.BAD, one["name"], words) if one.get("decides", True) else (Tone.PLAIN, one["name"], f"{words}, which does not count")


def found(event: Event) -> Iterator[Line]:
    """What triage or readiness found: what changed since the stack was healthy, causes with what speaks for and against them, and rows."""
    yield from () if event.get("healthy") else _changed(event)
    for one in () if event.get("healthy") else event.get("findings", ()):
        yield Line(f"{one['fit']}: {one['situation']} ({one['procedure']})", _FITS.get(one["fit"], Tone.PLAIN))
        yield from (Line(word, name="+ ", depth=3) for word in one["for"])
        yield from (Line(word, name="- ", depth=3) for word in one["against"])
        yield from (Line(word, Tone.WARN, depth=3) for word in one.get("warnings", ()))
    yield from table([(_LEVELS[one["level"]], f"{one['level']:5} {one['name']}", _row(one)) for one in event.get("rows", ())])


def _changed(event: Event) -> Iterator[Line]:
    """The changes since the stack was healthy, if it is known when that was."""
    since, changes = event.get("healthy_before"), event.get("changed_since", ())
    if since:
        yield Line(f"{'Changed' if changes else 'Nothing is known to have changed'} since it was healthy, {_minute(since)}", Tone.PLAIN)
        yield from table([(Tone.QUIET, _minute(one["when"]), f"{one['kind']}: {one['what']}") for one in changes[:SHOWN]], depth=3)


def _minute(when: str) -> str:
    return times.minute(datetime.fromisoformat(when))


def _row(one: Event) -> str:
    return f"{one['found']}; {one['do']}" if one["do"] else str(one["found"])
