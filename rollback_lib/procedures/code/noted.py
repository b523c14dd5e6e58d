"""What the plan of a code rollback notes about the host: the tree, and the containers of the services that are built."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.code.tree import Tree
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """The state before the rollback. `services` are the services that are built and recreated, in that order. `apart` are paths of the
    tree that others write to. The state after it is the target of the plan."""

    tree: Tree
    services: dict[str, Replicas]
    apart: tuple[str, ...] = ()
