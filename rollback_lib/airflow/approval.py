"""The question to a person, in Airflow's own page: whoever triggered a run may not approve it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from rollback_lib.errors import ParameterError

WAITS = timedelta(hours=1)  # for an answer; after that it counts as none
# Airflow 3.3 loses an answer that comes before its scheduler has heard that the question was asked, seconds on a busy machine, and counts
# the task as failed. It is then asked again.
ASKED_AGAIN: dict[str, Any] = {"retries": 3, "retry_delay": timedelta(seconds=1)}


class PlanApproval(ApprovalOperator):
    """Asks one of the `approvers`, by their names in Airflow, whether what is planned may begin: `of`. Nobody is asked if that is empty.

    Its XCom says `by` whom and `at` which time it was approved. A refusal, or no answer in an hour, fails the task, and nothing begins.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "of")

    def __init__(self, *, approvers: Mapping[str, str], of: Any, **kwargs: Any) -> None:
        super().__init__(response_timeout=WAITS, **{**ASKED_AGAIN, **kwargs})
        self.approvers = dict(approvers)
        self.of = of

    def execute(self, context: Context) -> Any:
        if not self.of:
            raise AirflowSkipException("there is nothing to approve")
        by = triggered_by(context)
        others = {name: user for name, user in self.approvers.items() if name != by}
        if not others:
            raise AirflowFailException(f"{by} triggered this run and may not approve it, and nobody else may; name another person")
        self.assigned_users = [HITLUser(id=user, name=name) for name, user in others.items()]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, str]:
        if "error" in event:
            raise AirflowFailException("nobody has approved it in time, so nothing was begun")
        user = event.get("responded_by_user") or {}
        by = user.get("name") or user.get("id") or ""
        if self.REJECT in event["chosen_options"]:
            raise AirflowFailException(f"{by} rejected it, so nothing was begun")
        if not by or by == triggered_by(context) or by not in self.approvers:
            raise AirflowFailException(f"{by or 'nobody'} may not approve it: whoever triggered a run may not, and only approvers may")
        at = event["responded_at"]
        return {"by": by, "at": at if isinstance(at, str) else at.isoformat(timespec="seconds")}


def triggered_by(context: Context) -> str:
    """Who triggered the run, "" if no person did."""
    return context["dag_run"].triggering_user_name or ""


def named(approvers: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """The ids of those who may approve, by their names in Airflow. Raises ParameterError if there are none."""
    if not approvers or isinstance(approvers, str):
        raise ParameterError("approvers: the names of those who may approve are expected, since nothing is applied without a person")
    return dict(approvers) if isinstance(approvers, Mapping) else {name: name for name in approvers}
