"""The DAG of a fleet rollback. Change the stacks, and the names of those who may approve."""

from rollback_lib.airflow.fleet import fleet

dag = fleet("code", stacks="parameters/fleet/*.yaml", approvers=["anna", "ben"], serial=[1, "10%", "100%"], max_fail_percentage=0)
