"""What the plan of an env rollback notes about the host: the file, and the variables in the containers. Values appear as hashes only."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.noted_file import NotedFile
from rollback_lib.procedures.common.replicas import Replicas


class Reader(Noted):
    """A service that is recreated. `held` are the different hashes of the variables in its containers."""

    replicas: Replicas
    held: tuple[str, ...]


class Wanted(Noted):
    """What is asked for of a service: the hash of the variables that compose reads for it, and the hash of all variables that its
    containers have then."""

    meant: str
    holds: str


class Before(Noted):
    """The state before the rollback. `path` is the path of the file. `services` are those that are recreated, in that order."""

    path: str
    file: NotedFile | None
    services: dict[str, Reader]


class After(Noted):
    """The state that is asked for, for the same services."""

    file: NotedFile
    services: dict[str, Wanted]
