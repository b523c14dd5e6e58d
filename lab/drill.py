"""A drill: break the practice host, roll it back with the real notebook, headless, and score the run."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.practice_host import PracticeHost
from lab.traffic import Traffic
from lab.writer import Writer
from rollback_lib.errors import LabError
from rollback_lib.headless.runner import Outcome
from rollback_lib.procedures import registry
from rollback_lib.record.folder import Folder
from rollback_lib.record.verdict import Verdict
from rollback_lib.run import marking
from rollback_lib.run.console import Unattended
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables, times

MARKED = ("release",)  # procedures that go back to a release, which has to be marked before the host is broken
Run = Callable[[str, dict[str, str]], Outcome]
PER_SECOND = 20  # how many requests a second go through the proxy during the drill
# For each procedure, the scenario that breaks the host, and the parameters of its notebook besides those that all notebooks get.
DRILLS: dict[str, tuple[str, dict[str, str]]] = {
    "code": ("code", {}),
    "image": ("image", {}),
    "env": ("env", {}),
    "caddyfile": ("caddyfile", {}),
    "database": ("database", {"database": "voice", "accept_loss": "true"}),
    "datafile": ("datafile", {"accept_loss": "true"}),
    "redeploy": ("stack", {}),
    "release": ("release", {}),
    "undo": ("env", {}),
    "readiness": ("", {}),
}


def drills() -> dict[str, tuple[str, dict[str, str]]]:
    """All drills: those in DRILLS, and those of procedures in other packages."""
    return {**DRILLS, **{other.name: (other.name, dict(other.drill.parameters)) for other in registry.others() if other.drill}}


@dataclass(frozen=True)
class Score:
    """The score of a drill.

    `diagnosed` names the procedures that triage proposed before. `healthy_after` is how many seconds after the run's start the stack was
    proven healthy, None if never. `sent` and `failed` count the requests that went through the proxy meanwhile.
    """

    procedure: str
    diagnosed: str
    outcome: Outcome
    healthy_after: float | None
    sent: int
    failed: int


def drill(host: PracticeHost, procedure: str, run: Run) -> Score:
    """Reset the host, break it, run triage, roll back, and score the run.

    `run` is called with a procedure and parameters, and runs the notebook. Raises LabError when the host cannot be reset or broken.
    """
    if host.running():
        print("The practice host is put back to its clean state.", flush=True)
        host.reset()
    else:
        host.up()
    scenario, own = drills()[procedure]
    for other in registry.others():
        if other.name == procedure and other.drill:
            host.equip(other.drill)
    stack = host.folder / "stack.yaml"
    if procedure in MARKED:
        print(f"Marked: {mark(stack)}.", flush=True)
    if scenario:
        print(f"Broken: {host.break_(scenario)}.", flush=True)
    looked = run("triage", {"stack": str(stack), "reason": "drill"})
    print(f"Triage says: {looked.reason}.", flush=True)
    print(f"Running the {procedure} notebook, headless …", flush=True)
    parameters = {"stack": str(stack), "mode": "apply", "confirm": "contabo", "reason": "drill", **own}
    if scenario:
        parameters["on_failure"] = "undo"
    if procedure == "undo":
        parameters = _twice_undone(run, parameters)
    writer = Writer(host) if procedure == "database" else None
    with Traffic(Stack.load(stack), PER_SECOND) as traffic, writer or nullcontext():
        began = datetime.now(UTC)
        outcome = run(procedure, parameters)
    if writer:
        print(writer.story(f"dyniq__before_{outcome.folder.name.rpartition('-')[2]}"), flush=True)
    fits = Folder(looked.folder).record().get("found", {}).get("fits", [])
    return Score(procedure, " and ".join(fits) or "healthy", outcome, _healthy_after(outcome, began), traffic.sent, traffic.failed)


def mark(stack: Path) -> str:
    """Mark what runs as a release that is known good, as after a deploy. Returns in words what was entered. Raises LabError."""
    closing = marking.run(str(stack), Unattended(lambda _: None))
    if closing.verdict is not Verdict.MARKED:
        raise LabError(f"what runs could not be marked: {closing.reason}")
    return closing.reason


def _twice_undone(run: Run, parameters: dict[str, str]) -> dict[str, str]:
    """Roll back, and undo the rollback. Returns the parameters that undo the undo, so that the host is healthy in the end."""
    outcome = run("env", parameters)
    own = {key: value for key, value in parameters.items() if key != "stack"}
    outcome = run("undo", {**own, "incident": outcome.folder.name})
    return {**own, "incident": outcome.folder.name}


def table(scores: Sequence[Score]) -> str:
    """The scores as a table of text, with a line for each."""
    header = ("procedure", "triage says", "verdict", "healthy after", "whole run", "budget", "failed requests")
    rows = [header]
    for score in scores:
        never = "never" if drills()[score.procedure][0] else "was healthy"
        healthy = times.exactly(score.healthy_after) if score.healthy_after is not None else never
        late = " over budget" if score.outcome.seconds > (score.outcome.budget or 0) else ""
        run = f"{times.exactly(score.outcome.seconds)}{late}"
        budget = times.given(score.outcome.budget or 0)
        rows.append((score.procedure, score.diagnosed, score.outcome.verdict, healthy, run, budget, f"{score.failed} of {score.sent}"))
    return "\n".join(tables.lines(rows))


def _healthy_after(outcome: Outcome, began: datetime) -> float | None:
    verified = [event for event in Folder(outcome.folder).events() if event["event"] == "verified" and event["ok"]]
    return (datetime.fromisoformat(verified[-1]["at"]) - began).total_seconds() if verified else None
