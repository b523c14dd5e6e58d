"""The databases of a release rollback: those that were asked for, the backup from which each comes back, and what it risks to leave one."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import schema
from rollback_lib.facts.host import Host
from rollback_lib.facts.whole_release import WholeRelease
from rollback_lib.procedures import database
from rollback_lib.procedures.common import from_backup
from rollback_lib.procedures.database.look import look as look_at
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

Chosen = tuple[database.State, database.Target]


def asked(databases: str) -> tuple[str, ...]:
    """The names in a list that is separated by commas; none for ""."""
    return tuple(filter(None, (name.strip() for name in databases.split(","))))


def check(stack: Stack, databases: object, accept_loss: object) -> None:
    """Check the two parameters before anything is contacted. Raises ParameterError."""
    known = [one.name for one in stack.databases]
    names = asked(databases) if isinstance(databases, str) else (databases,)
    if wrong := [name for name in names if name not in known]:
        there = f"there are: {', '.join(known)}" if known else "the stack has no section 'databases'"
        raise ParameterError(f"databases: names of databases in the stack are expected, separated by commas, not {wrong[0]!r}; {there}")
    if len(set(names)) < len(names):
        raise ParameterError(f"databases: each name is expected once, not {databases!r}")
    from_backup.check_acceptance(accept_loss)


def examine(host: Host, known: Mapping[str, database.State], release: WholeRelease) -> dict[str, Chosen]:
    """The backup of each database, read to its end. Raises TargetRefused if there is none from before the release or it cannot be restored,
    Refused if a live database cannot be replaced or there is no room for all of them."""
    found = {name: (now, _examine(host, now, release)) for name, now in known.items()}
    for container in {now.section.container for now in known.values()}:
        mine = [(now.free, chosen.needs) for now, chosen in found.values() if now.section.container == container]
        free, needs = mine[0][0], sum(needed for _, needed in mine)
        if free is not None and free < needs:
            raise Refused(
                f"the disk of {container} has {free / 1e6:,.0f} MB free, and {len(mine)} restores beside the live databases take about "
                f"{needs / 1e6:,.0f} MB; make room there, or restore one after the other"
            )
    return found


def _examine(host: Host, now: database.State, release: WholeRelease) -> database.Target:
    path, why = _backup(now, release)
    try:
        return replace(database.examine(host, now, path), why=why)
    except TargetRefused as error:
        said = str(error).removesuffix("; choose another backup")
        raise TargetRefused(f"{now.section.name} cannot come back with release {release.incident}: {said}; {_instead(now)}") from None


def _backup(now: database.State, release: WholeRelease) -> tuple[str, str]:
    """The path of the newest backup that is not younger than the release, and why: the one that its entry names, or the newest from before
    its moment if that is gone or was written over."""
    name, older = now.section.name, [one for one in now.backups if one.changed <= release.when]
    entered = (release.databases or {}).get(name)
    if entered and any(one.path == entered.backup for one in older):
        return entered.backup, f"the newest backup when release {release.incident} was entered"
    if older:
        newest = max(older, key=lambda one: one.changed)
        return newest.path, f"the newest backup from before release {release.incident}"
    raise TargetRefused(
        f"{name} cannot come back with release {release.incident}: no backup in {now.section.where} is from before "
        f"{times.minute(release.when)}, when that was healthy; {_instead(now)}"
    )


def _instead(now: database.State) -> str:
    return f"leave it out of `databases`, or restore another backup by itself: `rollback run database -p database={now.section.name}`"


def newer(chosen: Mapping[str, Chosen]) -> Iterator[str]:
    """Sentences on databases that have newer backups, from which less would be lost."""
    for name, (now, target) in chosen.items():
        younger = [one for one in now.backups if one.changed > target.backup.changed and not database.unusable(now, one)]
        if younger:
            newest = max(one.changed for one in younger)
            yield (
                f"{name} has newer backups than that of {times.minute(target.backup.changed)}, the newest of {times.minute(newest)}. If "
                "one of them is from before the trouble, less is lost with it: "
                f"`rollback run database -p database={name} -p target=NAME`."
            )


def risks(host: Host, stack: Stack, changed: Collection[str]) -> tuple[str, ...]:
    """What the older code may not get along with: the databases whose schema has `changed` since, and which stay as they are. The sentences
    offer the choice."""
    looks = {name: look_at(host, stack, name) for name in changed}
    return tuple(_risk(name, look.since[0] if look.since else None) for name, look in looks.items())


def _risk(name: str, since: tuple[datetime, schema.Difference] | None) -> str:
    known = f" ({since[1].words}, since its backup of {times.minute(since[0])})" if since and since[1] else ""
    return (
        f"The schema of {name} has changed since that release{known}, and stays as it is: the older code meets tables and columns that it "
        f"does not know, or misses some. The choice: leave it, or bring it back in the same plan with `databases={name}`, from its newest "
        "backup from before that release; what was written since is lost, and listed before."
    )
