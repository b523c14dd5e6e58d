"""The DAG of every day: whether each stack could be rolled back, a table of the fleet, and the records sent to their archive."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from rollback_lib.airflow.fleet import POOL
from rollback_lib.airflow.operator import RunbookOperator, command
from rollback_lib.airflow.stages import Fleet
from rollback_lib.fleet import stacks as stack_files
from rollback_lib.fleet.command import Command


def daily(
    *, stacks: str | Sequence[str], schedule: str | None = "30 5 * * *", keep: str = "", secrets: Mapping[str, str] | None = None,
    pool: str = POOL, dag_id: str = "daily", **dag: Any,
) -> DAG:  # fmt: skip
    """A DAG that asks of each stack every day whether it could be rolled back right now.

    `stacks`: patterns of stack files in the runbook folder. `keep`: how long records are kept, such as 730d; "" for ever. `secrets`:
    environment variables of the runs, each with the id of the connection whose password it is. Raises ParameterError.
    """
    files = stack_files.found(stacks)
    made = Fleet("readiness", files, (), 0, secrets=dict(secrets or {}))
    with DAG(dag_id, **{"schedule": schedule, "catchup": False, "max_active_runs": 1, **dag}) as built:

        @task(trigger_rule="all_done")
        def table() -> str:
            return made.ready(get_current_context())

        @task(trigger_rule="all_done")
        def archive() -> str:
            return _tidied(command(made.secrets, get_current_context()), keep)

        checked = RunbookOperator.partial(
            task_id="readiness", procedure="readiness", apply=True, pool=pool, secrets=dict(secrets or {}),
            reason="{{ dag.dag_id }} {{ run_id }}",
        ).expand(stack=list(files))  # fmt: skip
        checked >> table()
        checked >> archive()
    return built


def _tidied(rollback: Command, keep: str) -> str:
    """Send the records of this worker to their archive, and prune old ones. Raises AirflowFailException if any is left."""
    sent = rollback.said("incidents", "archive")
    pruned = rollback.said("incidents", "prune", "--keep", keep) if keep else (0, "")
    if sent[0] or pruned[0]:
        raise AirflowFailException(f"{sent[1]} {pruned[1]}")
    return f"{sent[1]} {pruned[1]}"
