"""What the plan of a code rollback notes of the host: the tree, and the containers of the services that are built."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.code.tree import Tree
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """What was before; `services` are those that are built and recreated, in their order. What is asked for is the plan's target."""

    tree: Tree
    services: dict[str, Replicas]
