"""What a record tells, event by event: a line for each, and below it what belongs to it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step, When
from rollback_lib.record.state import RESUMED, Attempt, RunState, moment
from rollback_lib.report.summary import Telling
from rollback_lib.run.outcome import steps
from rollback_lib.terminal import blocks
from rollback_lib.terminal.blocks import Event
from rollback_lib.terminal.line import SIGNS, Line, Tone
from rollback_lib.text import tables, times

_LOOKING = ("open", RESUMED, "connected", "link", "facts", "probe")  # events after which the state is not complete yet
_TONES = {
    "confirmed": Tone.GOOD, "approved": Tone.GOOD, "approval-asked": Tone.WARN, "break-glass": Tone.BAD, "accepted": Tone.GOOD,
    "link": Tone.WARN, "failed": Tone.BAD, "error": Tone.BAD, "run-cut-short": Tone.BAD, "step-not-started": Tone.BAD,
    "step-cut-short": Tone.WARN, "stop-asked": Tone.WARN, "paused": Tone.WARN, "armed": Tone.WARN, "restarted": Tone.WARN,
    "replaced": Tone.WARN, "lapse": Tone.BAD,
}  # fmt: skip
_END = ("error", "verdict")  # what the end of a run says anyway


class Story:
    """The story of the record in `folder`; None for a run that is followed, whose record is elsewhere. `usual` gives how long the steps of
    a procedure usually take on a stack. `whole` tells also of errors and verdicts, several of which a run in JupyterLab may have."""

    def __init__(
        self, folder: Path | None, usual: Callable[[str, str], Mapping[str, float]] = lambda *_: {}, *, whole: bool = False
    ) -> None:  # fmt: skip
        self.state = RunState()
        self._folder = folder
        self._usual = usual
        self._whole = whole
        self._telling = Telling()
        self._opened: Event = {}
        self._took: Mapping[str, float] = {}
        self._plan: Plan | None = None
        self._probes: dict[str, Event] = {}
        self._containers: dict[str, Event] = {}
        self._looked = False
        self._doing = "connecting"

    def take(self, event: Event) -> None:
        """Take an event into account, and tell nothing: it was told before."""
        for _ in self.tell(event):
            pass
        self._looked = False

    def tell(self, event: Event) -> Iterator[Line]:
        """The lines of the next event."""
        kind = event["event"]
        self.state.apply(event)
        if kind == "facts":
            self._containers |= {one["name"]: one for one in blocks.containers([answer["found"] for answer in event["answers"]])}
        elif kind == "probe":
            self._probes[event["route"]] = event
        if kind not in _LOOKING and not self._looked:
            yield from self._state(event)
        words = self._telling.words(event)
        own = _OWN.get(kind)
        if own:
            yield from own(self, event)
        elif words and self._shown(kind):
            yield Line(words[:1].upper() + words[1:], _tone(event), moment(event))

    def _shown(self, kind: str) -> bool:
        if kind == "probe":
            return self._looked  # until then they are part of the state
        return self._whole or kind not in _END

    def now(self, at: datetime) -> list[str]:
        """What goes on at that moment, in two lines."""
        if not self._opened:
            return ["starting …"]
        running = self.state.unheard
        going = self._runs(running[-1], at) if running else f"{SIGNS[Tone.PLAIN]} {self._doing} …"
        return [going, " · ".join([self._clock(at), *self._routes()])]

    # -- opening, looking ---------------------------------------------------------------------------------------------

    def _tell_open(self, event: Event) -> Iterator[Line]:
        self._opened = event
        procedure, stack = event.get("procedure", ""), event.get("stack", "")
        self._took = self._usual(procedure, stack)
        yield Line(f"{procedure} of {stack} on {event.get('host', '')}: {_mode(event)}", Tone.TITLE, moment(event))
        because = f", because: {event['reason']}" if event.get("reason") else ""
        yield Line(f"incident {event.get('incident', '')}, by {event['who']}{because}")
        if event.get("budget"):
            yield Line(self._expected(event))

    def _expected(self, event: Event) -> str:
        usual = event.get("usual", ())
        runs = tables.count(len(usual), "run")
        often = f"; usually {times.about(median(usual))}, in {runs}" if usual else "; no earlier run here" if "usual" in event else ""
        failing = f"; if it fails: {event['on_failure']}" if event["mode"] == "apply" and event.get("on_failure") else ""
        return f"budget {times.given(event['budget'])}{often}{failing}"

    def _tell_resumed(self, event: Event) -> Iterator[Line]:
        yield Line(f"{event['who']} resumes the run", Tone.TITLE, moment(event))
        self._doing = "connecting"
        self._probes, self._containers = {}, {}  # they have to be looked at again
        if self._plan:
            yield from self._planned(self._plan, event, steps(self._plan, self.state))

    def _tell_connected(self, event: Event) -> Iterator[Line]:
        self._doing = f"looking at {event['host']}, and changing nothing"
        yield Line(f"Connected to {event['host']} as {event['user']}", Tone.PLAIN, moment(event))

    def _state(self, event: Event) -> Iterator[Line]:
        """The routes and containers, once the run has looked at them all."""
        self._looked = True
        if self._probes:
            ill = [name for name, one in self._probes.items() if not one["ok"]]
            words = f"not healthy: {', '.join(ill)}" if ill else "every route passes"
            yield Line(f"State: {words}", Tone.BAD if ill else Tone.GOOD, moment(event))
            yield from blocks.state(self._probes, self._containers)

    # -- target and plan ----------------------------------------------------------------------------------------------

    def _tell_target(self, event: Event) -> Iterator[Line]:
        self._doing = "planning"
        yield Line(f"Target: {event['chosen']}", Tone.TITLE, moment(event))
        yield Line(f"chosen: {event['why']}")

    def _tell_plan(self, event: Event) -> Iterator[Line]:
        try:
            self._plan = Plan.from_json((self._folder / "plan.json").read_text()) if self._folder else Plan.from_plain(event["plan"])
        except (OSError, ParameterError):  # of another version, or taken away
            yield Line(f"Plan {event['hash']} to {event['target']}; its commands are in plan.sh of the record", Tone.TITLE, moment(event))
            return
        self._doing = "planning" if self._folder else "going on to the next step"
        yield from self._planned(self._plan, event, {})

    def _planned(self, plan: Plan, event: Event, states: Mapping[str, str]) -> Iterator[Line]:
        many = "the target already runs, there is nothing to do" if plan.nothing_to_do else tables.count(len(plan.steps), "step")
        yield Line(f"Plan {plan.hash}: {many}", Tone.TITLE, moment(event))
        yield from blocks.plan(plan, self._folder, self._took, states)

    def _tell_checklist(self, event: Event) -> Iterator[Line]:
        yield Line("Checklist", Tone.TITLE, moment(event))
        yield from blocks.checklist(event["points"])

    def _tell_loss_shown(self, event: Event) -> Iterator[Line]:
        if "lines" in event:
            counted = "counted after the restore" if event["restored"] else "as far as the backup tells"
            yield Line(f"What is lost, {counted}", Tone.WARN, moment(event))
            yield from (Line(line, depth=2) for line in event["lines"])

    # -- steps --------------------------------------------------------------------------------------------------------

    def _tell_step_begin(self, event: Event) -> Iterator[Line]:
        yield Line(f"{self._called(event['step'])}, begins{self._title(event['step'])}", Tone.RUNS, moment(event))

    def _tell_step_end(self, event: Event) -> Iterator[Line]:
        one = self.state.attempts.get(event["job"])
        self._doing = "verifying" if self._changed else "going on to the next step"
        yield Line(self._ended(event, one), _step_tone(one), moment(event))
        if one is None or not one.ok:
            yield from (Line(line, Tone.CODE, depth=2) for line in event.get("last_lines", ()))

    @property
    def _changed(self) -> bool:
        """Whether every step is done that changes the stack, of those that are not for special cases."""
        steps = self._plan.steps if self._plan else ()
        ran = self.state.begun
        return all(one.name in ran for one in steps if one.touches and not one.skip and one.when is When.ALWAYS)

    def _ended(self, event: Event, one: Attempt | None) -> str:
        took = times.exactly(event["seconds"]) if "seconds" in event else one.took if one else ""
        how = "done" if one is None or one.ok else "failed"
        why = "" if one is None or one.ok else f": {one.words}"
        return f"{self._called(event['step'])}, {how}{f' after {took}' if took else ''}{self._often(event['step'])}{why}"

    def _called(self, name: str) -> str:
        """A step by its place in the plan."""
        kind, known = self._known(name)
        names = [one.name for one in known]
        return f"{kind} {names.index(name) + 1} of {len(names)}, {name}" if name in names else f"Step {name}"

    def _title(self, name: str) -> str:
        return next((f": {one.title}" for one in self._known(name)[1] if one.name == name), "")

    def _known(self, name: str) -> tuple[str, tuple[Step, ...]]:
        """The steps of the plan, or those of its undo, where that is one of them."""
        if self._plan is None:
            return "Step", ()
        undo = any(one.name == name for one in self._plan.undo)
        return ("Undo step", self._plan.undo) if undo else ("Step", self._plan.steps)

    def _often(self, step: str) -> str:
        return f" (usually {times.exactly(self._took[step])})" if step in self._took else ""

    # -- the end ------------------------------------------------------------------------------------------------------

    def _tell_verified(self, event: Event) -> Iterator[Line]:
        self._doing = "closing"
        if event.get("applied", True):
            which = "every route passes" if event.get("all_routes", True) else "the routes that passed then pass"
            health = which if event["healthy"] else "the routes do not pass"
            words = f"Verified: the effect is the one asked for, and {health}" if event["ok"] else f"Not verified: {health}"
            yield Line(words, Tone.GOOD if event["ok"] else Tone.BAD, moment(event))
            yield from blocks.effects(event["effects"])

    def _tell_undone(self, event: Event) -> Iterator[Line]:
        ok = all(one["ok"] for one in event["effects"])
        words = "the host is as it was" if ok else "the host is not as it was"
        yield Line(f"After the undo, {words}", Tone.GOOD if ok else Tone.BAD, moment(event))
        yield from blocks.effects(event["effects"])

    def _tell_holding(self, event: Event) -> Iterator[Line]:
        self._doing = f"watching until {times.clock(datetime.fromisoformat(event['until']))} UTC"
        yield Line(f"Every route is healthy; they have to hold for {times.given(event['seconds'])}", Tone.GOOD, moment(event))

    def _tell_found(self, event: Event) -> Iterator[Line]:
        self._doing = "closing"
        yield Line("What was found", Tone.TITLE, moment(event))
        yield from blocks.found(event)

    # -- what goes on -------------------------------------------------------------------------------------------------

    def _runs(self, one: Attempt, at: datetime) -> str:
        took = times.about((at - one.begin).total_seconds())
        return f"{SIGNS[Tone.RUNS]} {self._called(one.step)}, for {took}{self._often(one.step)}{self._title(one.step)}"

    def _clock(self, at: datetime) -> str:
        spent = times.about((at - moment(self._opened)).total_seconds())
        budget, usual = self._opened.get("budget"), self._opened.get("usual")
        of = f" of {times.given(budget)}" if budget else ""
        return f"{spent}{of}" + (f", usually {times.about(median(usual))}" if usual else "")

    def _routes(self) -> list[str]:
        return [f"{SIGNS[_tone(one)]} {name} {one['status'] or 'no answer'}" for name, one in self._probes.items()]


_OWN: dict[str, Callable[[Story, Event], Iterator[Line]]] = {
    "open": Story._tell_open,
    RESUMED: Story._tell_resumed,
    "connected": Story._tell_connected,
    "target": Story._tell_target,
    "plan": Story._tell_plan,
    "checklist": Story._tell_checklist,
    "loss-shown": Story._tell_loss_shown,
    "step-begin": Story._tell_step_begin,
    "step-end": Story._tell_step_end,
    "verified": Story._tell_verified,
    "undone": Story._tell_undone,
    "holding": Story._tell_holding,
    "found": Story._tell_found,
}


def _mode(event: Event) -> str:
    """What the run is to do."""
    asked = event.get("parameters") or {}
    if "hold" in asked:
        return f"it has to hold for {asked['hold']}; if not, a rollback is {'applied' if asked['rollback'] == 'apply' else 'planned'}"
    return "plan only, nothing is changed" if event["mode"] == "plan" else str(event["mode"])


def _tone(event: Event) -> Tone:
    if event["event"] == "probe":
        return Tone.GOOD if event["ok"] else Tone.BAD
    return _TONES.get(event["event"], Tone.PLAIN)


def _broke(event: Event) -> Line:
    return Line(f"WITHOUT APPROVAL, though {event['needs']}: {event['reason']}", Tone.BAD, moment(event))


def _step_tone(one: Attempt | None) -> Tone:
    if one is None or one.ok:
        return Tone.GOOD
    return Tone.WARN if one.trial else Tone.BAD


def tell(folder: Path, events: list[dict[str, Any]]) -> Iterator[Line]:
    """The whole story of a record. That it went on without an approval comes first."""
    yield from (_broke(event) for event in events if event["event"] == "break-glass")
    story = Story(folder, whole=True)
    for event in events:
        yield from story.tell(event)
