"""The operator that runs a procedure of one stack by the `rollback` command, and tells how it ended by the record."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from rollback_lib.errors import RollbackError
from rollback_lib.fleet.command import Command
from rollback_lib.fleet.outcome import Outcome

OUTCOME = "outcome"  # the XCom with all that is known; `verdict`, `record` and `plan` are beside it


class RunbookOperator(BaseOperator):
    """Runs a procedure of a stack; it only plans unless `apply` is set. Its task succeeds if the run did, by its exit status.

    It is never retried: what was refused stays refused until a person has looked, and what is not known is resumed, never run again.

    `stack`: a name in parameters/, or a file of the runbook folder. `parameters`: those of the notebook. `plan`: the hash of the only plan
    that may be applied. `incident`: undo this run instead. `reason`: why, for the record. `secrets`: environment variables for the run,
    each with the id of the Airflow connection whose password it is.
    """

    template_fields: Sequence[str] = ("procedure", "stack", "parameters", "plan", "incident", "reason")
    ui_color = "#f6d9d0"

    def __init__(
        self, *, procedure: str, stack: str, parameters: Mapping[str, str] | None = None, apply: bool = False, plan: str = "",
        on_failure: str = "stop", incident: str = "", reason: str = "", secrets: Mapping[str, str] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**{**kwargs, "retries": 0})
        self.procedure = procedure
        self.stack = stack
        self.parameters = {} if parameters is None else parameters
        self.apply = apply
        self.plan = plan
        self.on_failure = on_failure
        self.incident = incident
        self.reason = reason
        self.secrets = dict(secrets or {})
        self._command: Command | None = None

    def execute(self, context: Context) -> None:
        self._command = command(self.secrets, context)
        instance = context["ti"]
        try:
            outcome = self._run()
        except RollbackError as error:
            raise AirflowFailException(str(error)) from None
        for key, value in (
            (OUTCOME, outcome.plain()), ("verdict", outcome.verdict), ("record", outcome.incident), ("plan", outcome.plan),
        ):  # fmt: skip
            instance.xcom_push(key, value)
        self._tell(outcome)
        if waits := self._command.sent(self.stack):
            self.log.warning("the record waits for its archive: %s", waits)
        if outcome.failed:
            raise AirflowFailException(f"{outcome.stack} on {outcome.host}: {outcome.kind}: {outcome.reason}")

    def on_kill(self) -> None:
        if self._command:
            self._command.terminate()

    def _run(self) -> Outcome:
        assert self._command
        reason = f"{self.stack} in {self.reason}" if self.reason else ""
        changes = self.apply or bool(self.incident)
        # Airflow may start a task again, as after a restart of the scheduler: what it began before is resumed, or told as it ended.
        earlier = self._command.earlier(self.stack, reason) if changes and reason else None
        if earlier:
            return earlier
        if self.incident:
            return self._command.undo(self.incident, self.stack, reason)
        parameters = {**self.parameters, **({"reason": reason} if reason else {})}
        return self._command.run(self.procedure, self.stack, parameters, apply=self.apply, plan=self.plan, on_failure=self.on_failure)

    def _tell(self, outcome: Outcome) -> None:
        self.log.info("%s: %s", outcome.verdict, outcome.reason)
        for step in outcome.steps:
            self.log.info("step %s: %s", step["name"], step["state"])
        self.log.info("record %s in %s, plan %s", outcome.incident, outcome.folder, outcome.plan)


def command(secrets: Mapping[str, str], context: Context, days: int = 0) -> Command:
    """`rollback` with the values of secrets, from Airflow's connections; it looks for the records of this run of the DAG, and of so many
    days before."""
    began = context["dag_run"].start_date or datetime.now(UTC)
    values = {name: BaseHook.get_connection(of).password or "" for name, of in secrets.items()}
    return Command(values, began.astimezone(UTC).date() - timedelta(days=days))
