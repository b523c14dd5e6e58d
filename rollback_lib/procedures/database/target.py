"""The target of a database rollback: the backup to restore. It is read to its end before anything else is done."""

from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import backups
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.host import Host
from rollback_lib.facts.tables import LARGE_OBJECTS
from rollback_lib.procedures.common import from_backup
from rollback_lib.procedures.common.from_backup import Candidate
from rollback_lib.procedures.database import kinds
from rollback_lib.procedures.database.state import Candidates, State
from rollback_lib.stack.model import Stack

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
    from_backup.check(stack, stack.databases, "database", database, target, accept_loss)


def choose(now: State, target: str) -> tuple[Backup, str]:
    """The backup to restore, and why. If `target` is empty, this is the newest backup that can be restored. Raises TargetRefused if there
    is none, or the named backup cannot be restored."""
    return from_backup.choose(
        candidates(now), target, now.section.where, now.away, done="restored", correct="the database's section in the stack"
    )


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
