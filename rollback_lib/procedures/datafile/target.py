"""The target of a data file rollback: the backup that takes the place of the file. It is read to its end and checked before anything is
done."""

from dataclasses import dataclass

from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import datafiles
from rollback_lib.facts.backups import Backup
from rollback_lib.facts.datafiles import REDIS, Content
from rollback_lib.facts.host import Host
from rollback_lib.procedures.common import from_backup
from rollback_lib.procedures.datafile.state import State, candidates, usable
from rollback_lib.stack.model import Stack

_ROOM = 1.1  # times the size of the backup, unpacked


@dataclass(frozen=True)
class Target:
    """The chosen backup, and why it was chosen. `content` is what was found by reading it to its end. `needs` is how many bytes it takes
    beside the file."""

    backup: Backup
    why: str
    content: Content
    needs: int

    @property
    def name(self) -> str:
        return self.backup.path


def check(stack: Stack, target: object = "", datafile: object = "", accept_loss: object = "") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    from_backup.check(stack, stack.datafiles, "datafile", datafile, target, accept_loss)


def choose(now: State, target: str) -> tuple[Backup, str]:
    """The backup that takes the place of the file, and why. If `target` is empty, this is the newest one that nothing speaks against.
    Raises TargetRefused if there is none, or the named backup cannot be used."""
    return from_backup.choose(
        candidates(now), target, now.section.where, now.away, done="used", correct=f"the section of {now.section.name}"
    )


def examine(host: Host, now: State, target: str) -> Target:
    """Choose the backup, read it to its end, and check that there is room for it. Raises TargetRefused if it cannot be used, Refused if
    the file cannot be replaced."""
    container, place = usable(now)
    if now.section.kind == REDIS and now.server is None and container.state == "running":
        raise Refused(
            f"Redis in {container.name} does not answer, or asks for a password; give it REDISCLI_AUTH in its environment, so that "
            f"`docker exec {container.name} redis-cli INFO` answers"
        )
    if now.server and now.server.replica:
        raise Refused(f"Redis in {container.name} is a replica and would take its keys from its master again; roll that one back")
    backup, why = choose(now, target)
    look = (
        datafiles.backup_of_redis(backup, container.image) if now.section.kind == REDIS else datafiles.backup_of_sqlite(backup, now.images)
    )
    try:
        content = host.ask(look).result()
    except Refused as error:
        raise TargetRefused(f"{error}; choose another backup") from None
    if content.wrong:
        raise TargetRefused(f"{backup.path} cannot be used: {content.wrong}; choose another backup")
    mine = (now.content.rows if now.content else None) or {}
    if mine and content.rows is not None and not mine.keys() & content.rows.keys():
        raise TargetRefused(
            f"{backup.path} has none of the tables of {place.path} ({', '.join(sorted(mine)[:3])}): it is of another one; choose another "
            "backup"
        )
    needs = int(content.bytes * _ROOM) + (backup.size if content.bytes != backup.size else 0)
    if place.free < needs:
        raise Refused(
            f"the disk of {place.path} has {place.free / 1e6:,.0f} MB free, and a backup beside it takes {needs / 1e6:,.0f} MB; make room "
            "there"
        )
    return Target(backup, why, content, needs)
