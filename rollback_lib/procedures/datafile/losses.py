"""What a data file rollback loses: the rows by table, or the keys, now and in the backup."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from rollback_lib.errors import TargetRefused
from rollback_lib.facts import paths
from rollback_lib.facts.datafiles import REDIS
from rollback_lib.facts.datafiles.content import KEYS
from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.datafile.noted import After
from rollback_lib.procedures.datafile.state import State, document
from rollback_lib.procedures.datafile.target import Target
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables


@dataclass(frozen=True)
class RowLoss:
    """A table, or the keys of a Redis: how many there are now, and in the backup; None where it is not there."""

    table: str
    old: int | None
    new: int | None

    @property
    def same(self) -> bool:
        """Whether there are as many on both sides."""
        return self.old == self.new

    @property
    def words(self) -> str:
        """The line about it in a plan."""
        old, new = (
            "not there" if side is None else tables.count(side, "key" if self.table == KEYS else "row") for side in (self.old, self.new)
        )
        return f"{self.table}: {old} now, {new} in the backup"


@dataclass(frozen=True)
class Losses:
    """What is in the file now, compared with the backup. A person types `name` to accept the losses. `unknown` says why nobody knows them,
    "" if they are known. `restored` is whether the backup lies beside the file."""

    name: str
    backup: str
    rows: tuple[RowLoss, ...]
    unknown: str
    restored: bool

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person accepts: a line for each table that differs."""
        if self.unknown:
            return (f"what is lost is not known: {self.unknown}",)
        return tuple(one.words for one in self.differ) or ("nothing that is counted: as many on both sides",)

    @property
    def differ(self) -> tuple[RowLoss, ...]:
        """The tables that differ."""
        return tuple(one for one in self.rows if not one.same)


def compare(now: State, backup: Mapping[str, int] | None) -> tuple[RowLoss, ...]:
    """What is in the file compared with what is in the backup, what differs first. Empty if one of them could not be counted."""
    mine = _counted(now)
    if mine is None or backup is None:
        return ()
    found = (RowLoss(name, mine.get(name), backup.get(name)) for name in {**mine, **backup})
    return tuple(sorted(found, key=lambda one: (one.same, one.table)))


def _counted(now: State) -> Mapping[str, int] | None:
    """The rows by table, or the keys, now; None if nobody could count them."""
    if now.section.kind == REDIS:
        return {KEYS: sum(now.server.keys.values())} if now.server else None
    if now.place and now.place.file is None:
        return {}
    return now.content.rows if now.content else None


def losses(host: Host, now: State, target: Target, plan: Plan) -> Losses:
    """Compare the file, as it is now, with the backup."""
    return _losses(host, now.stack, plan, target.backup.name)


def weigh(host: Host, stack: Stack, plan: Plan) -> Losses:
    """Compare the file with the backup, for a run that resumes a plan. Raises TargetRefused if the backup is not beside it any
    more."""
    found = _losses(host, stack, plan, plan.target.rpartition("/")[2])
    if not found.restored:
        raise TargetRefused(f"there is no {After.read(plan.after).restore}: what was brought there is gone, so run the procedure again")
    return found


def _losses(host: Host, stack: Stack, plan: Plan, backup: str) -> Losses:
    after = After.read(plan.after)
    restored = host.ask(paths.missing([after.restore, after.kept]))
    now = document(host, stack, after.section)
    unknown = ""
    if after.rows is None:
        unknown = "the backup could not be counted"
    elif _counted(now) is None:
        unknown = _why_not(now)
    return Losses(after.section, backup, compare(now, after.rows), unknown, len(restored.result()) < 2)


def _why_not(now: State) -> str:
    if now.section.kind == REDIS:
        return "Redis does not answer"
    return (now.content.wrong or now.content.proven) if now.content else "the file could not be read"
