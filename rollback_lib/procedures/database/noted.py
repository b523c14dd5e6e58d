"""What the plan of a database rollback notes about the host: the live database, the services that use it, and the other databases."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """The state before the rollback: name and oid of the live database, and its properties in words. `clients` holds the replicas of
    each service that uses it, by the name of the container in the stack file."""

    database: str
    oid: int
    properties: dict[str, str]
    clients: dict[str, Replicas]


class After(Noted):
    """The state that is asked for. `section` names the stack's section of the database. The database restored as `beside` is live; the
    one that was live is now called `kept`. `tables` are the tables of the backup, empty if they are not known before the restore."""

    section: str
    beside: str
    kept: str
    tables: tuple[str, ...]
