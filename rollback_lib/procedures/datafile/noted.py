"""What the plan of a data file rollback notes about the host: the file, and the containers that have it mounted."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """The state before the rollback. `path` is the file on the host, `inode` its number, 0 if there was none or it is another after each
    save. `containers` holds the containers that have the file mounted, by name."""

    path: str
    inode: int
    containers: dict[str, Replicas]


class After(Noted):
    """The state that is asked for. `section` names the stack's section of the file. `restore` is the folder beside the file with what takes
    its place, `kept` the one with what was there, `undone` the one to which an undo moves what it takes away. `container` is the one that
    writes the file. `parts` are the names of what belongs to the file. `rows` are the rows by table in the backup, or the keys of a Redis;
    None if nobody counted them."""

    section: str
    restore: str
    kept: str
    undone: str
    container: str
    parts: tuple[str, ...]
    rows: dict[str, int] | None
