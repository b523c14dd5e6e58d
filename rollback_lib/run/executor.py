"""Runs the steps of a plan on the host. Every command that changes the host runs here: under the lock of its stack, and as a job
that continues without this process."""

from dataclasses import replace

from rollback_lib.commands.command import Command, script
from rollback_lib.errors import GuardFailed, LinkLost, LockLost, NeverStarts, NotStarted
from rollback_lib.host import lock
from rollback_lib.host.connection import Result
from rollback_lib.host.jobs import Job
from rollback_lib.host.link import Link
from rollback_lib.host.stream import Lines
from rollback_lib.plan.step import Step
from rollback_lib.record.folder import Folder
from rollback_lib.run.console import Console
from rollback_lib.run.output_view import TAIL_LINES, OutputView
from rollback_lib.run.stack_lock import StackLock


class Executor:
    """Runs steps as jobs and keeps their output in the record. `folder_there` is the folder of the stack on the host."""

    def __init__(self, link: Link, folder_there: str, held: StackLock, record: Folder, console: Console) -> None:
        self._link = link
        self._there = folder_there
        self._lock = held
        self._record = record
        self._console = console
        self._running: Job | None = None

    def run(self, step: Step, plan: str, guard: tuple[Command, ...] = ()) -> Result:
        """Run the step's commands as one job, which stops at the first command that fails. If the job runs already, attach to it.

        `plan` is the hash of the plan. `guard` holds commands that must succeed first, in addition to the step's own guards. In the
        output of the result, secrets are hidden. Raises NotStarted, GuardFailed if a guard failed, LockLost, LinkLost.
        """
        step = replace(step, guards=(*guard, *step.guards))
        name = self._record.state.job(step.name)
        known = {"step": step.name, "job": name, "plan": plan}
        self._record.event(
            "step-begin",
            **known,
            touches=step.touches,
            loses=step.loses,
            trial=step.trial,
            commands=[str(command) for command in step.script],
        )
        view = OutputView(step, name, self._console, self._record.redactor)
        result = self._follow(Job(self._there, self._record.id, name, _whole(step), step.deadline, step.send), known, view)
        kept = view.end()
        (self._record.path / "output").mkdir(mode=0o700, exist_ok=True)
        self._record.write(f"output/{name}.txt", kept)
        if result.status != 0 and 0 < view.begun <= len(step.guards):
            why = (kept.strip().splitlines() or ["it said nothing"])[-1]
            self._record.event("step-not-started", **known, spent=True, error=why)
            raise GuardFailed(f"step {step.name} was not started on {self._link.alias}: {why}")
        self._record.event(
            "step-end", **known, ending=result.ending, seconds=round(result.seconds, 3), begun=view.begun, of=len(step.script),
            bytes_not_kept=view.dropped, last_lines=kept.splitlines()[-TAIL_LINES:],
        )  # fmt: skip
        return replace(result, out=kept)

    def _follow(self, job: Job, known: dict[str, str], view: OutputView) -> Result:
        lines = Lines(view.line, view.command)
        self._running = job
        try:
            result = self._link.run_job(job, lock.LEASE, lines.feed)
        except LockLost:
            self._lock.lose()
            raise
        except NotStarted as error:
            self._record.event("step-not-started", **known, spent=isinstance(error, NeverStarts), error=str(error))
            raise
        finally:
            self._running = None
        lines.end()
        return result

    def end(self, step: Step) -> bool:
        """End the step's job and its child processes, after waiting for it was interrupted. True if it is known to have ended."""
        unheard = [attempt for attempt in self._record.state.unheard if attempt.step == step.name]
        if not unheard:
            return False
        job = unheard[-1].job
        try:
            result = self._link.run(Job(self._there, self._record.id, job, "", 0).end(), deadline=30)
        except LinkLost:
            return False
        self._record.event("step-ended", step=step.name, job=job, known=result.status == 0)
        return result.status == 0

    def cut_short(self, who: str) -> bool:
        """End the running job, from another thread; its step then counts as failed. True if a job was running and is known to have
        ended. Raises LinkLost."""
        job = self._running
        if job is None:
            return False
        self._record.event("step-cut-short", job=job.name, by=who)
        return self._link.run(job.end(), deadline=30).status == 0


def _whole(step: Step) -> str:
    return "exec 2>&1\n" + script(step.script, marked=True)
