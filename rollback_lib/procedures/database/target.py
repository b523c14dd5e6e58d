"""The target of a database rollback: the backup to restore. It is read to its end before anything else is done."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import backups
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.host import Host
from rollback_lib.facts.tables import LARGE_OBJECTS
from rollback_lib.procedures.database import kinds
from rollback_lib.procedures.database.state import Candidate, Candidates, State
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack

TARGET = re.compile(r"/?[0-9A-Za-z._@+/=:-]{1,250}")
YES, NO = (True, "true"), (False, "false", "")
_ROOM = 1.5  # times the expected size, since indexes may differ and the write-ahead log grows meanwhile


@dataclass(frozen=True)
class Target:
    """The chosen backup, and why it was chosen. `contents` is what was found by reading it to its end. `needs` is how many bytes its
    restore is expected to take."""

    backup: Backup
    why: str
    contents: Contents
    needs: int

    @property
    def name(self) -> str:
        return self.backup.path


def check(stack: Stack, target: object = "", database: object = "", accept_loss: object = "") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    if not stack.databases:
        raise ParameterError(f"the stack {stack.name} has no section 'databases', so there is nothing to roll back; add one")
    check_target(target, TARGET, "a backup's name or path")
    known = [entry.name for entry in stack.databases]
    if database not in known and (database or len(known) > 1):
        raise ParameterError(f"database: one of {', '.join(known)} is expected, not {database!r}; name it with `-r database …`")
    if accept_loss not in (*YES, *NO):
        raise ParameterError(f"accept_loss: true or false is expected, not {accept_loss!r}")


def choose(now: State, target: str) -> tuple[Backup, str]:
    """The backup to restore, and why. If `target` is empty, this is the newest backup that can be restored. Raises TargetRefused if there
    is none, or the named backup cannot be restored."""
    where = now.section.where + _away(now)
    if target:
        found = [backup for backup in now.backups if target == backup.path] or [one for one in now.backups if target == one.name]
        if not found:
            raise TargetRefused(f"no backup {target!r} is among those of {where}; take one from the list of candidates")
        if len(found) > 1:
            raise TargetRefused(f"{target!r} names more than one backup; give the whole path: {', '.join(one.path for one in found)}")
        because = unusable(now, found[0])
        if because:
            raise TargetRefused(f"{found[0].path} cannot be restored: {because}; choose another backup")
        return found[0], "named as the target"
    for candidate in candidates(now):
        if not candidate.wrong:
            return candidate.backup, "the newest backup that nothing speaks against"
    if not now.backups:
        raise TargetRefused(f"there is no backup in {where}; correct the database's section in the stack, or make one")
    raise TargetRefused(f"none of the {len(now.backups)} backups in {where} can be restored; the list of candidates says why")


def _away(now: State) -> str:
    """In words, the places that gave no list."""
    return f" ({'; '.join(f'{one.place} gave no list: {one.why}' for one in now.away)})" if now.away else ""


def _opened(host: Host, now: State, backup: Backup) -> Backup:
    """The backup, with its beginning read. Raises TargetRefused if it cannot be had, or cannot be restored into this server."""
    if backup.opened:
        return backup
    try:
        found = host.ask(backups.opened(backup)).result()
    except Refused as error:
        raise TargetRefused(f"{error}; choose another backup") from None
    if because := unusable(now, found):
        raise TargetRefused(f"{found.path} cannot be restored: {because}; choose another backup")
    return found


def examine(host: Host, now: State, target: str) -> Target:
    """Choose the backup, read it to its end, and check that there is room for it. Raises TargetRefused if it cannot be restored, Refused
    if the live database cannot be replaced."""
    live = kinds.of(now.section).usable(now)
    backup, why = choose(now, target)
    backup = _opened(host, now, backup)
    try:
        contents = host.ask(now.engine.contents(backup)).result()
    except Refused as error:
        raise TargetRefused(str(error)) from None
    if contents.wrong:
        raise TargetRefused(f"{backup.path} cannot be restored: {contents.wrong}; choose another backup")
    mine = now.content.tables if now.content else {}
    if apart(mine, contents.rows):
        raise TargetRefused(
            f"{backup.path} has none of the tables of {live.name} ({', '.join(sorted(contents.rows)[:3])} …): it is from another database; "
            "choose another backup"
        )
    copied = (backup.size or contents.bytes) if backup.format in backups.ARCHIVES else 0
    needs = int(max(live.size, contents.bytes) * _ROOM) + copied
    if now.free is not None and now.free < needs:
        raise Refused(
            f"the disk of {now.section.container} has {now.free / 1e6:,.0f} MB free, and a restore beside the live database takes about "
            f"{needs / 1e6:,.0f} MB; make room there"
        )
    return Target(backup, why, contents, needs)


def apart(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether both have tables, but none in common, so that they are different databases."""
    mine, others = set(old) - {LARGE_OBJECTS}, set(new) - {LARGE_OBJECTS}
    return bool(mine and others and not mine & others)


def candidates(now: State) -> Candidates:
    """The backups, newest first, with what is known of each."""
    return Candidates(Candidate(backup, now.verdict(backup), unusable(now, backup)) for backup in now.backups)


def unusable(now: State, backup: Backup) -> str:
    """Why a backup cannot be restored into this server; "" if nothing is known against it."""
    return backup.wrong or kinds.of(now.section).unfit(now, backup)
