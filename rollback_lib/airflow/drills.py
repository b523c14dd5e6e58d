"""The DAG of drills: each procedure rolls a practice host back that was broken for real, and is scored against its budget."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from rollback_lib.airflow.fleet import POOL
from rollback_lib.airflow.operator import command
from rollback_lib.errors import ParameterError


def drills(
    procedures: Sequence[str], *, host: str = "drill", schedule: str | None = "0 6 * * 1", pool: str = POOL, dag_id: str = "drills",
    **dag: Any,
) -> DAG:  # fmt: skip
    """A DAG that drills these procedures every week, one after the other, on the practice host `host` of a worker that has Docker.

    A drill that fails does not keep the others from being made; the run fails in the end. What else is given is for the DAG. Raises
    ParameterError.
    """
    if not procedures or isinstance(procedures, str):
        raise ParameterError('procedures: a list is expected, such as ["code", "database"]; `rollback drill --help` tells more')
    with DAG(dag_id, **{"schedule": schedule, "catchup": False, "max_active_runs": 1, **dag}) as built:

        @task(retries=0)
        def passed() -> None:
            """It is not begun unless every drill has passed."""

        last, every = None, passed()
        for procedure in procedures:
            made = _drill(procedure, host, pool)
            made >> every
            if last is not None:
                last >> made
            last = made
    return built


def _drill(procedure: str, host: str, pool: str) -> Any:
    """The task of one drill. Its log has the steps and the score."""

    @task(task_id=f"drill_{procedure}", trigger_rule="all_done", retries=0, pool=pool)
    def drill() -> str:
        status, said = command({}, get_current_context()).printed("drill", procedure, "--name", host)
        print(said)
        if status:
            raise AirflowFailException(f"the drill of {procedure} ended with exit status {status}")
        return said.splitlines()[-1]

    return drill()
