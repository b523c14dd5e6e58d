"""The DAG of a fleet rollback: plans side by side, one page, a person, a canary, then waves."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Context, Param, TaskGroup, get_current_context, task
from airflow.sdk.execution_time.hitl import HITLUser

from rollback_lib.airflow.approval import ASKED_AGAIN, WAITS, PlanApproval, named, triggered_by
from rollback_lib.airflow.operator import RunbookOperator
from rollback_lib.airflow.stages import CHOICE, COMPARE, LEAVE, PLAN, UNDO, Fleet
from rollback_lib.errors import ParameterError
from rollback_lib.fleet import stacks as stack_files
from rollback_lib.fleet import waves

POOL = "rollbacks"
APPROVE = ("each wave", "once")
_RUN = "{{ dag.dag_id }} {{ run_id }}"
_SUBJECT = "{procedure}: may wave {number} of {of} begin?"


def fleet(
    procedure: str, *, stacks: str | Sequence[str], approvers: Sequence[str] | Mapping[str, str],
    serial: Sequence[int | str] = (1, "10%", "100%"), max_fail_percentage: float = 0, approve: str = "each wave",
    parameters: Mapping[str, str] | None = None, on_failure: str = "stop", secrets: Mapping[str, str] | None = None, pool: str = POOL,
    dag_id: str = "", **dag: Any,
) -> DAG:  # fmt: skip
    """A DAG that rolls back many stacks by the same procedure.

    `stacks`: patterns of stack files in the runbook folder; the first file is the canary. `approvers`: who may approve, by their names in
    Airflow; a mapping gives their ids where these differ. `serial` and `max_fail_percentage` are those of Ansible, but failures are counted
    over the whole fleet. `approve`: "each wave" or "once". `parameters`: those of the notebook. `on_failure`: what a stack does that fails,
    "stop" or "undo". `secrets`: environment variables of the runs, each with the id of the connection whose password it is. What else is
    given is for the DAG. Raises ParameterError.
    """
    if approve not in APPROVE:
        raise ParameterError(f"approve: one of {', '.join(APPROVE)} is expected, not {approve!r}")
    files = stack_files.found(stacks)
    made = Fleet(procedure, files, waves.sizes(serial, len(files)), max_fail_percentage, dict(parameters or {}), dict(secrets or {}))
    people = named(approvers)
    runs = {"procedure": procedure, "secrets": dict(secrets or {}), "pool": pool}
    params = {
        "parameters": Param({}, type="object", title="Parameters of the notebook", description="such as {\"target\": \"1a2b3c4\"}"),
        "leave_out": Param([], type="array", items={"type": "string"}, title="Stacks to leave out", description="names of stack files"),
    }  # fmt: skip
    options = {"schedule": None, "catchup": False, "max_active_runs": 1, "params": params, **dag}
    with DAG(dag_id or f"fleet_{procedure}", **options) as built:
        compared = _plans(made, runs)
        last = compared
        for number in made.numbers:
            last = _wave(made, number, compared, last, people, approve, {**runs, "on_failure": on_failure})
        _after(made, last, people, runs)
    return built


def _plans(made: Fleet, runs: Mapping[str, Any]) -> Any:
    """Plan on all hosts side by side, and compare the plans."""

    @task
    def hosts() -> list[dict[str, Any]]:
        return made.hosts(_context())

    @task(task_id=COMPARE, trigger_rule="all_done", multiple_outputs=True)
    def compare() -> dict[str, Any]:
        return made.compare(_context())

    planned = RunbookOperator.partial(task_id=PLAN, reason=f"{_RUN}: planned", **runs).expand_kwargs(hosts())
    compared = compare()
    planned >> compared
    return compared


def _wave(
    made: Fleet, number: int, compared: Any, before: Any, people: Mapping[str, str], approve: str, runs: Mapping[str, Any]
) -> Any:  # fmt: skip
    """A wave: approved, applied, and settled before the next."""
    asked = number if approve == "each wave" else 1
    approval = f"wave_{asked}.approve"
    given = f"ti.xcom_pull(task_ids='{approval}')"

    @task
    def stacks() -> list[dict[str, Any]]:
        return made.wave(_context(), number)

    @task(trigger_rule="all_done")
    def settle() -> str:
        return made.settle(_context(), number, approval)

    with TaskGroup(f"wave_{number}"):
        wave, settled = stacks(), settle()
        applied = RunbookOperator.partial(
            task_id="apply", apply=True, reason=f"{_RUN}: approved by {{{{ {given}.by }}}} at {{{{ {given}.at }}}}", **runs
        ).expand_kwargs(wave)
        compared >> wave
        if asked == number:
            subject = _SUBJECT.format(procedure=made.procedure, number=number, of=len(made.sizes))
            question = WaveApproval(task_id="approve", subject=subject, fleet=made, number=number, approvers=people)
            wave >> question
            before >> question >> applied
        before >> applied >> settled
    return settled


def _after(made: Fleet, last: Any, people: Mapping[str, str], runs: Mapping[str, Any]) -> None:
    """The offer to undo what was done, the undo in reverse, and the verdict."""
    before: Any = UndoChoice(fleet=made, approvers=people, task_id=CHOICE, trigger_rule="all_done")
    last >> before
    for number in reversed(made.numbers):
        with TaskGroup(f"undo_wave_{number}"):
            done = _done(made, number)
            undone = RunbookOperator.partial(
                task_id="undo", reason=f"{_RUN}: undone, since the fleet had stopped", **{**runs, "procedure": "undo"}
            ).expand_kwargs(done)
        before >> done
        before = undone

    @task(trigger_rule="all_done")
    def verdict() -> str:
        return made.verdict(_context())

    before >> verdict()


def _done(made: Fleet, number: int) -> Any:
    """The task that says what of a wave is undone."""

    @task(trigger_rule="all_done")
    def stacks() -> list[dict[str, str]]:
        return made.to_undo(_context(), number)

    return stacks()


class WaveApproval(PlanApproval):
    """Asks whether a wave may begin; nobody is asked if it is empty."""

    def __init__(self, *, fleet: Fleet, number: int, **kwargs: Any) -> None:
        super().__init__(of=(), body="", **kwargs)
        self.fleet = fleet
        self.number = number

    def execute(self, context: Context) -> Any:
        self.of = self.fleet.wave(context, self.number)
        if self.of:
            self.body = self.fleet.question(context, self.number)
        return super().execute(context)


class UndoChoice(HITLOperator):
    """Asks, if a fleet has stopped, whether what was done is undone. An undo needs no second person: who triggered the run may choose."""

    def __init__(self, *, fleet: Fleet, approvers: Mapping[str, str], **kwargs: Any) -> None:
        subject = f"{fleet.procedure}: the fleet has stopped. What becomes of the stacks that were rolled back?"
        super().__init__(subject=subject, options=[UNDO, LEAVE], response_timeout=WAITS, **{**ASKED_AGAIN, **kwargs})
        self.fleet = fleet
        self.approvers = dict(approvers)

    def execute(self, context: Context) -> Any:
        tally = self.fleet.to_offer(context)
        done = ", ".join(stack_files.name(one.stack) for one in reversed(tally.done))
        failed = "\n".join(f"- {stack_files.name(one.stack)}: {one.kind}: {one.reason}" for one in tally.failed)
        self.body = f"**{tally.words}.** In reverse, these would be undone: {done}.\n\n{failed}"
        by = triggered_by(context)
        people = {**self.approvers, **({by: by} if by and by not in self.approvers else {})}
        self.assigned_users = [HITLUser(id=user, name=name) for name, user in people.items()]
        return super().execute(context)


def _context() -> Context:
    return get_current_context()
