"""What the plan of an env rollback notes of the host: the file, and what its services hold of it. Of values, only hashes."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.noted_file import NotedFile
from rollback_lib.procedures.common.replicas import Replicas


class Reader(Noted):
    """A service that is recreated; `held` are the hashes of what its containers have, one where they have the same."""

    replicas: Replicas
    held: tuple[str, ...]


class Wanted(Noted):
    """What is asked for of a service: the hash of what compose reads for it, and that of what its containers hold of that."""

    meant: str
    holds: str


class Before(Noted):
    """What was before; `path` is that of the file, `services` are those that are recreated, in their order."""

    path: str
    file: NotedFile | None
    services: dict[str, Reader]


class After(Noted):
    """What is asked for, of the same services."""

    file: NotedFile
    services: dict[str, Wanted]
