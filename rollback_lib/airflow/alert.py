"""The DAG of an alert: triage of the stacks that it names, and the rollback that fits, planned and ready to approve."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Context, XComArg, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from rollback_lib.airflow.approval import PlanApproval, named
from rollback_lib.airflow.fleet import POOL
from rollback_lib.airflow.operator import OUTCOME, RunbookOperator, command
from rollback_lib.fleet import stacks as stack_files
from rollback_lib.fleet.outcome import Kind, Outcome
from rollback_lib.fleet.page import Page
from rollback_lib.fleet.tally import Tally
from rollback_lib.fleet.unattended import UNATTENDED, unattended

_AGAIN = "It was rolled back without a person within a day, so this time a person is asked."
_RUN = "{{ dag.dag_id }} {{ run_id }}"
_GIVEN = "ti.xcom_pull(task_ids='incident.approve', map_indexes=ti.map_index)"


def alert(
    *, stacks: str | Sequence[str], approvers: Sequence[str] | Mapping[str, str], label: str = "stack", on_failure: str = "stop",
    secrets: Mapping[str, str] | None = None, pool: str = POOL, dag_id: str = "alert", **dag: Any,
) -> DAG:  # fmt: skip
    """A DAG whose configuration is what Alertmanager sends to a webhook. Nothing is applied without a person, unless the stack file names
    the procedure as `unattended`; and that once a day, since what comes back after a rollback is for a person to look at.

    `stacks`: patterns of stack files in the runbook folder. `label`: the label of an alert that names one of them, without folder and
    ending. `approvers`, `on_failure`, `secrets`: as for `fleet`. Raises ParameterError.
    """
    files = {stack_files.name(file): file for file in stack_files.found(stacks)}
    people = named(approvers)
    runs: dict[str, Any] = {"secrets": dict(secrets or {}), "pool": pool}
    with DAG(dag_id, **{"schedule": None, "catchup": False, **dag}) as built:

        @task
        def firing() -> list[str]:
            return _firing(get_current_context(), files, label)

        @task_group
        def incident(stack: str) -> None:
            looked = RunbookOperator(task_id="triage", procedure="triage", stack=stack, reason=f"{_RUN}: an alert", **runs)

            @task(multiple_outputs=True)
            def suggest() -> dict[str, Any]:
                return _suggested(_of(get_current_context(), "triage"))

            @task(multiple_outputs=True)
            def question(found: dict[str, Any]) -> dict[str, Any]:
                return _question(_of(get_current_context(), "plan"), found["because"])

            found = suggest()
            given = {"procedure": found["procedure"], "parameters": found["parameters"], "stack": stack, **runs}
            planned = RunbookOperator(task_id="plan", reason=f"{_RUN}: planned", **given)
            asked = question(found)
            approved = AlertApproval(
                task_id="approve", subject=asked["subject"], body=asked["body"], of=asked["plan"], approvers=people, stack=stack,
                procedure=found["procedure"], parameters=found["parameters"], secrets=dict(secrets or {}),
            )  # fmt: skip
            applied = RunbookOperator(
                task_id="apply", apply=True, plan=asked["plan"], on_failure=on_failure,
                reason=f"{_RUN}: approved by {{{{ {_GIVEN}.by }}}} at {{{{ {_GIVEN}.at }}}}", **given,
            )  # fmt: skip
            looked >> found >> planned >> asked >> approved >> applied

        named_stacks: XComArg = firing()
        incident.expand(stack=named_stacks)
    return built


class AlertApproval(PlanApproval):
    """Asks whether the rollback of a stack may begin; nobody is asked if its stack file says so."""

    template_fields: Sequence[str] = (*PlanApproval.template_fields, "stack", "procedure", "parameters")

    def __init__(self, *, stack: Any, procedure: Any, parameters: Any, secrets: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body: str
        self.stack = stack
        self.procedure = procedure
        self.parameters = parameters
        self.secrets = secrets

    def execute(self, context: Context) -> Any:
        if self.of and unattended(self.stack, self.procedure, self.parameters):
            if command(self.secrets, context, days=1).lately(self.stack, UNATTENDED):
                self.body = f"{_AGAIN}\n\n{self.body}"
            else:
                return {"by": UNATTENDED, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        return super().execute(context)


def _firing(context: Context, files: Mapping[str, str], label: str) -> list[str]:
    """The stack files that the alerts name which are firing, each once. Raises AirflowFailException if one names none of the fleet."""
    alerts = [one for one in (context["dag_run"].conf or {}).get("alerts", ()) if one.get("status") == "firing"]
    names = dict.fromkeys(str(one.get("labels", {}).get(label, "")) for one in alerts)
    strange = [name for name in names if name not in files]
    if strange:
        raise AirflowFailException(f"the label {label} of an alert is one of {', '.join(files)}, not {', '.join(map(repr, strange))}")
    if not names:
        raise AirflowSkipException("no alert is firing")
    return [files[name] for name in names]


def _of(context: Context, task_id: str) -> Outcome:
    """The outcome of a run of the same incident."""
    instance = context["ti"]
    return Outcome.of(instance.xcom_pull(task_ids=f"incident.{task_id}", key=OUTCOME, map_indexes=instance.map_index))


def _suggested(triage: Outcome) -> dict[str, Any]:
    """What triage says fits best. Raises AirflowSkipException if nothing does."""
    fits = [one for one in triage.findings if one.get("fit") == "fits" and one.get("procedure")]
    if not fits:
        raise AirflowSkipException(f"triage found no rollback that fits: {triage.reason}")
    best = max(fits, key=lambda one: one["points"])
    because = f"Triage says {best['procedure']} fits: {'; '.join(best['for'])}."
    return {"procedure": best["procedure"], "parameters": dict(best.get("parameters") or {}), "because": because}


def _question(plan: Outcome, because: str) -> dict[str, Any]:
    """What a person is asked, and the hash of the plan; "" if there is nothing to approve."""
    page = Page("", because, Tally.of([plan], total=1), {})
    subject = f"{stack_files.name(plan.stack)}: an alert, and a rollback that fits. May it begin?"
    return {"plan": plan.plan if plan.kind is Kind.PLANNED else "", "subject": subject, "body": page.markdown(f"{plan.folder}/report.html")}
