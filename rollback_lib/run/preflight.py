"""What is done before anything is changed: logs that would be lost are kept, the checklist is answered, people are notified."""

from collections.abc import Mapping
from dataclasses import dataclass

from rollback_lib.errors import Unanswered
from rollback_lib.facts import docker
from rollback_lib.facts.holder import holder
from rollback_lib.plan.plan import Plan
from rollback_lib.run import notify
from rollback_lib.run.checklist import Checklist, checklist
from rollback_lib.run.run import Run
from rollback_lib.text import tables

LOG_LINES = 2000  # how many lines are kept of each container that is removed


@dataclass(frozen=True)
class Seen:
    """What is seen just before the gate: who `other` holds the lock of the stack, in words ("" for nobody), and the last lines of the
    `logs` of the containers that the plan removes, by their names."""

    other: str
    logs: Mapping[str, list[str]]


def look(run: Run, plan: Plan) -> Seen:
    """Look at the lock and at the logs, in one round trip."""
    host = run.host()
    held = host.ask(holder(run.stack.state))
    logs = {name: host.ask(docker.whole_log(name, LOG_LINES)) for name in plan.removes}
    return Seen(run.lock.other(held), {name: answer.result() for name, answer in logs.items()})


def check(run: Run, plan: Plan, seen: Seen) -> None:
    """Keep the logs, and answer the checklist. Raises Unanswered if a required point is open in a run that would change the host."""
    found = _answer(run, plan, _keep_logs(run, seen.logs))
    run.folder.event("checklist", points=[point.__dict__ for point in found.points])
    run.console.show(found)
    if run.opening.mode == "apply" and found.refusing:
        still_open = "; ".join(f"{point.name}: {point.answer}" for point in found.refusing)
        names = ",".join(point.name for point in found.refusing)
        raise Unanswered(f"the checklist is open ({still_open}); find out, then run again with checked={names}")


def notify_start(run: Run, plan: Plan) -> None:
    """Notify people that the run begins, once."""
    if not run.state.begun and run.state.told in ("", notify.ASKED):
        run.notifier.tell("start", word(run, plan), run.opening.incident)


def word(run: Run, plan: Plan) -> str:
    """The notice that goes out when the run begins."""
    because = f", because: {run.opening.reason}" if run.opening.reason else ""
    return f"● {run.called}: begins, by {run.opening.who}{because}"


def _answer(run: Run, plan: Plan, kept: int) -> Checklist:
    logs = f", and the logs that would be lost ({tables.count(kept, 'line')})" if kept else ""
    documented = f"the facts of section 2{logs}, in the record" if run.state.documented else ""
    unset = notify.unset(run.stack.notify)
    return checklist(run.stack, plan, documented, run.opening.checked, run.opening.who, word(run, plan), unset)


def _keep_logs(run: Run, logs: Mapping[str, list[str]]) -> int:
    """Write these logs to the record. Returns how many lines. Logs that the incident kept before it was resumed are not replaced."""
    kept = 0
    for name, lines in logs.items():
        cleaned = [line for line in run.folder.redactor.clean_lines(lines) if line is not None]
        before = run.opening.resumed and (run.folder.path / "logs" / f"{name}.txt").exists()
        if cleaned and not before:
            (run.folder.path / "logs").mkdir(mode=0o700, exist_ok=True)
            run.folder.write(f"logs/{name}.txt", "\n".join(cleaned) + "\n")
        kept += len(cleaned)
    return kept
