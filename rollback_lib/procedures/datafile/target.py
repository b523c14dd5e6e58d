"""The target of a data file rollback: the backup that takes the place of the file. It is read to its end and checked before anything is
done."""

import re
from dataclasses import dataclass

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import datafiles
from rollback_lib.facts.backups import Backup
from rollback_lib.facts.datafiles import Content
from rollback_lib.facts.host import Host
from rollback_lib.procedures.datafile.state import REDIS, State, candidates, usable
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack

TARGET = re.compile(r"/?[0-9A-Za-z._@+/=:-]{1,250}")
YES, NO = (True, "true"), (False, "false", "")
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
    if not stack.datafiles:
        raise ParameterError(f"the stack {stack.name} has no section 'datafiles', so there is nothing to roll back; add one")
    check_target(target, TARGET, "a backup's name or path")
    known = [entry.name for entry in stack.datafiles]
    if datafile not in known and (datafile or len(known) > 1):
        raise ParameterError(f"datafile: one of {', '.join(known)} is expected, not {datafile!r}; name it with `-r datafile …`")
    if accept_loss not in (*YES, *NO):
        raise ParameterError(f"accept_loss: true or false is expected, not {accept_loss!r}")


def choose(now: State, target: str) -> tuple[Backup, str]:
    """The backup that takes the place of the file, and why. If `target` is empty, this is the newest one that nothing speaks against.
    Raises TargetRefused if there is none, or the named backup cannot be used."""
    where = now.section.where + "".join(f" ({one.place} gave no list: {one.why})" for one in now.away)
    if target:
        found = [one for one in now.backups if target == one.path] or [one for one in now.backups if target == one.name]
        if not found:
            raise TargetRefused(f"no backup {target!r} is among those of {where}; take one from the list of candidates")
        if len(found) > 1:
            raise TargetRefused(f"{target!r} names more than one backup; give the whole path: {', '.join(one.path for one in found)}")
        if found[0].wrong:
            raise TargetRefused(f"{found[0].path} cannot be used: {found[0].wrong}; choose another backup")
        return found[0], "named as the target"
    for candidate in candidates(now):
        if not candidate.wrong:
            return candidate.backup, "the newest backup that nothing speaks against"
    if not now.backups:
        raise TargetRefused(f"there is no backup in {where}; correct the section of {now.section.name}, or make one")
    raise TargetRefused(f"none of the {len(now.backups)} backups in {where} can be used; the list of candidates says why")


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
