"""Retention: what runs keep on the host for an undo, and for how long. A later run lists in its plan what is beyond its retention, and
removes it after its verification.

Only copies that runs made are removed: files that an incident replaced, kept versions, jobs, exports for builds, images under rollback/
names. Data that people wrote is never removed, whatever its age. A database that a restore put aside has rows that exist nowhere else,
and a git stash holds somebody's work; to drop them cannot be undone. Readiness lists them with age and size, and the command to drop them.

The age of an incident counts from the last trace of it on the host: its jobs, its lines in the ledgers, the versions that it kept. If
there is no trace, what it left stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rollback_lib.commands.command import Command
from rollback_lib.facts import copies, releases, removed, restores, whole_release
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import holding
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables

REMEMBER = "remember"  # the step after Verify
_OF_INCIDENT = ("before-", "redeploy-", "readiness-")  # tags with these prefixes belong to an incident; other tags to a release
_DEADLINE = 600.0  # seconds; it takes a while to remove images of several gigabytes


_UNTOUCHED = """
# Another run may need what it found here.
last=$(cat "$1/lock/last" 2>/dev/null || :)
[ "$last" = "$2" ] || [ "$last" = "$3" ] || { echo "nothing is removed: $last ran since this was planned"; exit 0; }
"""


@dataclass(frozen=True)
class Copy:
    """A copy that is kept. `name` is its path, or the name of an image. `incident` is the incident that it belongs to, "" for none.
    `when` is when it was last needed, None if that is not known. `size` is in bytes; images may share a part of it."""

    name: str
    incident: str
    when: datetime | None
    size: int
    image: bool = False

    def days(self, now: datetime) -> int:
        """Its age in whole days; 0 if that is not known."""
        return (now - self.when).days if self.when else 0


@dataclass(frozen=True)
class Copies:
    """All copies that are kept for a stack. `beyond` are those beyond their retention. `times` holds when each incident last did
    something. `last` is the incident that last changed the host, "" if there was none."""

    stack: Stack
    all: tuple[Copy, ...]
    beyond: tuple[Copy, ...]
    stashes: tuple[copies.Stash, ...]
    times: dict[str, datetime]
    last: str = ""


def look(host: Host, stack: Stack, needed: str = "", now: datetime | None = None) -> Copies:
    """All copies on the host. A copy that the text `needed` names, such as the commands of a plan, is not beyond its retention. `now`
    is the present time unless it is given."""
    entries, named = host.ask(copies.entries(stack.state)), host.ask(copies.named(stack.state, stack.kept_images))
    images, in_use = host.ask(copies.images(stack.kept_images)), host.ask(copies.in_use())
    last, of_git = host.ask(copies.last(stack.state)), host.ask(copies.stashes(stack.tree)) if stack.tree else None
    released, restored = host.ask(releases.releases(stack.state)), host.ask(restores.restores(stack.state))
    whole = host.ask(whole_release.whole_releases(stack.state))
    known = _Known(entries.result(), images.result(), released.result(), whole.result(), restored.result())
    judge = _Judge(stack, known, now or datetime.now(UTC))
    words = copies.words(needed, stack.state, stack.kept_images)
    stashes = tuple(of_git.result()) if of_git else ()
    beyond = judge.beyond(named.result(), words, in_use.result())
    return Copies(stack, judge.all, beyond, stashes, judge.times, last.result())


def with_removal(plan: Plan, found: "Copies | Unanswered") -> Plan:
    """The same plan, which also removes what is beyond its retention, in the step after its verification. If the host could not be asked
    (`Unanswered`), a note in the plan says so and nothing is removed."""
    if isinstance(found, Unanswered):
        why = f"What earlier runs keep on {plan.host} could not be looked at ({found.why}), so nothing of it is removed."
        return replace(plan, notes=(*plan.notes, why))
    if not found.beyond:
        return plan
    removal = _removal(found, plan.incident)
    rows = (*plan.facts, ("removed afterwards", said(found)))
    return replace(plan, steps=tuple(_also(step, removal) for step in plan.steps), facts=rows)


def has_place(plan: Plan) -> bool:
    """Whether the plan can also remove copies: it has a step after its verification, and something to do before that."""
    return not plan.nothing_to_do and any(step.name == REMEMBER for step in plan.steps)


def said(found: Copies) -> str:
    """What is beyond its retention, in words."""
    now, kept = datetime.now(UTC), found.stack.retention.keep_days
    files, images = [copy for copy in found.beyond if not copy.image], [copy for copy in found.beyond if copy.image]
    words = [f"{number(files, 'file')}, {size(files)}"] if files else []
    words += [f"{number(images, 'image')}, up to {size(images)}"] if images else []
    oldest = max(copy.days(now) for copy in found.beyond)
    return f"{'; '.join(words)}: older than {kept} days, the oldest {oldest}: {some([_short(copy, found.stack) for copy in found.beyond])}"


def number(of: list[Copy], word: str) -> str:
    """How many copies these are, in words."""
    return tables.count(len(of), word)


def size(of: Iterable[Copy]) -> str:
    """The total size of these copies, in words."""
    total = sum(copy.size for copy in of)
    return f"{total / 1e6:,.1f} MB" if total < 1e9 else f"{total / 1e9:,.1f} GB"


def _short(copy: Copy, stack: Stack) -> str:
    return copy.name.removeprefix(f"{stack.state}/")


def _also(step: Step, removal: Command) -> Step:
    if step.name != REMEMBER:
        return step
    why = f"{step.why} What is past its retention is removed." if not step.skip else "What is past its retention is removed."
    mine = () if step.skip else step.commands
    return replace(step, why=why, commands=(*mine, removal), skip=None, deadline=max(step.deadline, _DEADLINE))


def _removal(found: Copies, incident: str) -> Command:
    """The command that removes everything beyond its retention. It goes on if one of the copies cannot be removed; a later run tries that
    again."""
    stack, lines = found.stack, [_UNTOUCHED]
    ways = sorted({copy.incident for copy in found.beyond if copy.incident and _way_back(copy, stack)})
    if ways:
        lines.append(removed.enter(f"{stack.state}/{removed.FILE}", ways, incident).shell())
    for copy in found.beyond:  # no --force: Docker then refuses to remove an image that a container uses
        lines += [holding.let_go(copy.name)] if copy.image and of_release(copy.name) else []
        remove = ("docker", "image", "rm", copy.name) if copy.image else ("rm", "-rf", "--", copy.name)
        lines.append(f"{Command.of(*remove)} || :")
    return Command.script("\n".join(lines), stack.state, found.last, incident)


def _way_back(copy: Copy, stack: Stack) -> bool:
    """Whether an undo would need this copy."""
    return copy.image or copy.name.startswith(f"{stack.state}/{copies.BEFORE}/")


def of_release(name: str) -> bool:
    """Whether the name of an image is that of a release, and not of an incident."""
    return not _tag(name).startswith(_OF_INCIDENT)


def _tag(name: str) -> str:
    return name.rpartition(":")[2]


@dataclass(frozen=True)
class _Known:
    """What the host says of its copies: they themselves, and the ledgers."""

    entries: list[copies.Entry]
    images: list[copies.Image]
    released: list[releases.Release]
    whole: list[whole_release.WholeRelease]
    restored: list[restores.Restore]


class _Judge:
    """Decides which copies are beyond their retention."""

    def __init__(self, stack: Stack, known: _Known, now: datetime) -> None:
        self._stack = stack
        self._images = known.images
        self._released = known.released
        self._whole = known.whole
        # Ages count in whole days, so that a reviewed plan does not change from one hour to the next.
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._young = today - timedelta(days=stack.retention.keep_days)
        self._longest = today - timedelta(days=stack.retention.longest_days)
        self.times = self._times(known.entries, known.restored)
        of_images = (self._of_image(image, tag) for image in known.images for tag in image.tags)
        self.all = (*map(self._of_entry, known.entries), *of_images)

    def beyond(self, named: dict[str, frozenset[str]], needed: frozenset[str], in_use: frozenset[str]) -> tuple[Copy, ...]:
        """The copies beyond their retention. A copy stays if `needed` names it, if an incident that stays names it (`named`, by
        incident), or if a container uses it (`in_use`, image ids)."""
        known = {copy.incident for copy in self.all if copy.incident}
        stay: set[str] = set()
        # To undo an undo, the copies of the first incident are needed as well, and so on.
        while more := {incident for incident in known - stay if not self._incident_goes(incident) or self._mentioned(incident, needed)}:
            stay |= more
            needed = needed.union(*(named.get(incident, frozenset()) for incident in more))
        used = {tag for image in self._images if image.id in in_use for tag in image.tags}
        lasting = self._lasting()
        return tuple(
            copy for copy in self.all
            if self._goes(copy, stay) and copy.name not in lasting and copy.name not in needed and copy.name not in used
        )  # fmt: skip

    def _mentioned(self, incident: str, needed: frozenset[str]) -> bool:
        """Whether `needed` names a copy of the incident. Versions that it kept do not count: each is judged by itself."""
        own = (f"/{copies.BEFORE}/{incident}.", f"/{copies.JOBS}/{incident}/", *(f":{word}{incident}" for word in _OF_INCIDENT))
        return any(word.endswith(f"_{incident}") or any(beginning in word for beginning in own) for word in needed)

    def _goes(self, copy: Copy, stay: set[str]) -> bool:
        if self._of_version(copy) or not copy.incident:
            return copy.when is not None and copy.when < self._young
        return copy.incident not in stay

    def _incident_goes(self, incident: str) -> bool:
        """Whether the copies of an incident may be removed. The newest incidents that can be undone stay longer."""
        when = self.times.get(incident)
        if when is None or when >= self._young:
            return False
        return when < self._longest or incident not in self._newest_ways()

    def _newest_ways(self) -> set[str]:
        ways = {copy.incident for copy in self.all if copy.incident in self.times and _way_back(copy, self._stack)}
        return set(sorted(ways, key=lambda incident: self.times[incident], reverse=True)[: self._stack.retention.newest])

    def _lasting(self) -> set[str]:
        """The names of the versions and releases that stay because they are the newest of their kind."""
        newest, names = self._stack.retention.newest, set()
        for procedure in {copy.name.split("/")[-2] for copy in self.all if self._of_version(copy)}:
            mine = [copy for copy in self.all if self._of_version(copy) and copy.name.split("/")[-2] == procedure and copy.when]
            healthy = [copy for copy in mine if "/healthy-" in copy.name]
            healthy.sort(key=lambda copy: (copy.when, copy.name), reverse=True)
            names |= {copy.name for copy in healthy[:1]}
            names |= {copy.name for copy in healthy[:newest] if copy.when and copy.when >= self._longest}
        for service in {release.service for release in self._released}:
            good = [release for release in self._released if release.service == service and release.healthy]
            last = list(dict.fromkeys((release.commit or release.image) for release in reversed(good)))[:newest]
            ids = {release.image for release in good if (release.commit or release.image) in last}
            names |= {self._stack.kept_image(service, commit) for commit in last}
            names |= self._names_of(ids)
        # The newest whole release stays at any age; as with files, the others do not stay for ever.
        for whole in [*(one for one in self._whole[-newest:-1] if one.when >= self._longest), *self._whole[-1:]]:
            names |= {file.kept for file in (whole.files or {}).values()} | self._names_of({ran.image for ran in whole.services.values()})
        return names

    def _names_of(self, ids: set[str]) -> set[str]:
        """The names of releases that these images have."""
        return {tag for image in self._images if image.id in ids for tag in image.tags if not _tag(tag).startswith(_OF_INCIDENT)}

    def _of_version(self, copy: Copy) -> bool:
        return copy.name.startswith(f"{self._stack.state}/{copies.KEPT}/")

    def _times(self, entries: list[copies.Entry], restored: list[restores.Restore]) -> dict[str, datetime]:
        """When each incident last did something. The time of a copy is less reliable, since it may be that of the original; it counts only
        if nothing else is known."""
        known: dict[str, datetime] = {}
        doubtful: dict[str, datetime] = {}

        def tell(into: dict[str, datetime], incident: str, when: datetime) -> None:
            into[incident] = max(when, into.get(incident, when))

        for incident, when in [(line.incident, line.when) for line in self._released] + [(line.incident, line.when) for line in restored]:
            tell(known, incident, when)
        for entry in entries:
            if entry.folder in (copies.JOBS, copies.KEPT):
                tell(known, _incident(entry), entry.written)
            elif entry.folder == copies.BEFORE:
                tell(doubtful, _incident(entry), entry.arrived)
        for image in self._images:
            for tag in image.tags:
                if image.tagged and _tag(tag).startswith(_OF_INCIDENT):
                    tell(doubtful, _incident_of_tag(tag), image.tagged)
        return {**doubtful, **known}

    def _of_entry(self, entry: copies.Entry) -> Copy:
        name, incident = f"{self._stack.state}/{entry.folder}/{entry.name}", _incident(entry)
        when = entry.written if entry.folder in (copies.KEPT, copies.BUILD) else self.times.get(incident)
        return Copy(name, incident, when, entry.size)

    def _of_image(self, image: copies.Image, name: str) -> Copy:
        tag = _tag(name)
        if tag.startswith(_OF_INCIDENT):
            incident = _incident_of_tag(tag)
            return Copy(name, incident, self.times.get(incident), image.size, image=True)
        entered = [release.when for release in self._released if self._is(release, name) or release.image == image.id]
        return Copy(name, "", max(entered, default=image.tagged), image.size, image=True)

    def _is(self, release: releases.Release, name: str) -> bool:
        return bool(release.commit) and name == self._stack.kept_image(release.service, release.commit)


def _incident_of_tag(name: str) -> str:
    return copies.incident_of(name.rpartition("-")[2])


def _incident(entry: copies.Entry) -> str:
    """The incident that an entry belongs to; "" for none."""
    if entry.folder == copies.BUILD:
        return ""
    return entry.name.rpartition("-")[2] if entry.folder == copies.KEPT else entry.name.partition(".")[0]


def of_database(found: "Copies | Unanswered", name: str) -> datetime | None:
    """When the run last did something that put the database `name` aside; None if that is not known."""
    return None if isinstance(found, Unanswered) else found.times.get(name.rpartition("_")[2])


def stale(found: Copies) -> list[copies.Stash]:
    """The git stashes that are older than the retention of copies."""
    limit = datetime.now(UTC) - timedelta(days=found.stack.retention.keep_days)
    return [stash for stash in found.stashes if stash.when < limit]
