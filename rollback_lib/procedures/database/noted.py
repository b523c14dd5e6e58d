"""What the plan of a database rollback notes of the host: the live database, its services, and the names of those beside it."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """What was before: the live database by its name and number, its properties in words, and the replicas of the services that use it,
    by the container that the stack names."""

    database: str
    oid: int
    properties: dict[str, str]
    clients: dict[str, Replicas]


class After(Noted):
    """What is asked for: in the stack's section of that name, what is restored as `beside` is live, and what was live is `kept`;
    `tables` are those that the backup makes, none where nobody knows them before it is restored."""

    section: str
    beside: str
    kept: str
    tables: tuple[str, ...]
