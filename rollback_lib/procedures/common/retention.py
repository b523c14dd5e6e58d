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
from rollback_lib.facts import copies, releases, removed, restores
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Step
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
    last, stashes = host.ask(copies.last(stack.state)), host.ask(copies.stashes(stack.tree))
    released, restored = host.ask(releases.releases(stack.state)), host.ask(restores.restores(stack.state))
    judge = _Judge(stack, entries.result(), images.result(), released.result(), restored.result(), now or datetime.now(UTC))
    words = copies.words(needed, stack.state, stack.kept_images)
    beyond = judge.beyond(named.result(), words, in_use.result())
    return Copies(stack, judge.all, beyond, tuple(stashes.result()), judge.times, last.result())


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
    files, images = [one for one in found.beyond if not one.image], [one for one in found.beyond if one.image]
    words = [f"{number(files, 'file')}, {size(files)}"] if files else []
    words += [f"{number(images, 'image')}, up to {size(images)}"] if images else []
    oldest = max(one.days(now) for one in found.beyond)
    return f"{'; '.join(words)}: older than {kept} days, the oldest {oldest}: {some([_short(one, found.stack) for one in found.beyond])}"


def number(of: list[Copy], word: str) -> str:
    """How many copies these are, in words."""
    return tables.count(len(of), word)


def size(of: Iterable[Copy]) -> str:
    """The total size of these copies, in words."""
    total = sum(one.size for one in of)
    return f"{total / 1e6:,.1f} MB" if total < 1e9 else f"{total / 1e9:,.1f} GB"


def _short(one: Copy, stack: Stack) -> str:
    return one.name.removeprefix(f"{stack.state}/")


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
    ways = sorted({one.incident for one in found.beyond if one.incident and _way_back(one, stack)})
    if ways:
        lines.append(removed.enter(f"{stack.state}/{removed.FILE}", ways, incident).shell())
    for one in found.beyond:  # no --force: Docker then refuses to remove an image that a container uses
        remove = ("docker", "image", "rm", one.name) if one.image else ("rm", "-rf", "--", one.name)
        lines.append(f"{Command.of(*remove)} || :")
    return Command.script("\n".join(lines), stack.state, found.last, incident)


def _way_back(one: Copy, stack: Stack) -> bool:
    """Whether an undo would need this copy."""
    return one.image or one.name.startswith(f"{stack.state}/{copies.BEFORE}/")


def _tag(name: str) -> str:
    return name.rpartition(":")[2]


class _Judge:
    """Decides which copies are beyond their retention."""

    def __init__(
        self, stack: Stack, entries: list[copies.Entry], images: list[copies.Image], released: list[releases.Release],
        restored: list[restores.Restore], now: datetime,
    ) -> None:  # fmt: skip
        self._stack = stack
        self._images = images
        self._released = released
        # Ages count in whole days, so that a reviewed plan does not change from one hour to the next.
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._young = today - timedelta(days=stack.retention.keep_days)
        self._longest = today - timedelta(days=stack.retention.longest_days)
        self.times = self._times(entries, restored)
        self.all = (*map(self._of_entry, entries), *(self._of_image(one, tag) for one in images for tag in one.tags))

    def beyond(self, named: dict[str, frozenset[str]], needed: frozenset[str], in_use: frozenset[str]) -> tuple[Copy, ...]:
        """The copies beyond their retention. A copy stays if `needed` names it, if an incident that stays names it (`named`, by
        incident), or if a container uses it (`in_use`, image ids)."""
        known = {one.incident for one in self.all if one.incident}
        stay: set[str] = set()
        # To undo an undo, the copies of the first incident are needed as well, and so on.
        while more := {one for one in known - stay if not self._incident_goes(one) or self._mentioned(one, needed)}:
            stay |= more
            needed = needed.union(*(named.get(one, frozenset()) for one in more))
        used = {tag for one in self._images if one.id in in_use for tag in one.tags}
        lasting = self._lasting()
        return tuple(
            one for one in self.all
            if self._goes(one, stay) and one.name not in lasting and one.name not in needed and one.name not in used
        )  # fmt: skip

    def _mentioned(self, incident: str, needed: frozenset[str]) -> bool:
        """Whether `needed` names a copy of the incident. Versions that it kept do not count: each is judged by itself."""
        own = (f"/{copies.BEFORE}/{incident}.", f"/{copies.JOBS}/{incident}/", *(f":{word}{incident}" for word in _OF_INCIDENT))
        return any(word.endswith(f"_{incident}") or any(one in word for one in own) for word in needed)

    def _goes(self, one: Copy, stay: set[str]) -> bool:
        if self._of_version(one) or not one.incident:
            return one.when is not None and one.when < self._young
        return one.incident not in stay

    def _incident_goes(self, incident: str) -> bool:
        """Whether the copies of an incident may be removed. The newest incidents that can be undone stay longer."""
        when = self.times.get(incident)
        if when is None or when >= self._young:
            return False
        return when < self._longest or incident not in self._newest_ways()

    def _newest_ways(self) -> set[str]:
        ways = {one.incident for one in self.all if one.incident in self.times and _way_back(one, self._stack)}
        return set(sorted(ways, key=lambda one: self.times[one], reverse=True)[: self._stack.retention.newest])

    def _lasting(self) -> set[str]:
        """The names of the versions and releases that stay because they are the newest of their kind."""
        newest, names = self._stack.retention.newest, set()
        for procedure in {one.name.split("/")[-2] for one in self.all if self._of_version(one)}:
            mine = [one for one in self.all if self._of_version(one) and one.name.split("/")[-2] == procedure and one.when]
            healthy = [one for one in mine if "/healthy-" in one.name]
            healthy.sort(key=lambda one: (one.when, one.name), reverse=True)
            names |= {one.name for one in healthy[:1]}
            names |= {one.name for one in healthy[:newest] if one.when and one.when >= self._longest}
        for service in {one.service for one in self._released}:
            good = [one for one in self._released if one.service == service and one.healthy]
            last = list(dict.fromkeys((one.commit or one.image) for one in reversed(good)))[:newest]
            ids = {one.image for one in good if (one.commit or one.image) in last}
            names |= {self._stack.kept_image(service, commit) for commit in last}
            names |= {tag for one in self._images if one.id in ids for tag in one.tags if not _tag(tag).startswith(_OF_INCIDENT)}
        return names

    def _of_version(self, one: Copy) -> bool:
        return one.name.startswith(f"{self._stack.state}/{copies.KEPT}/")

    def _times(self, entries: list[copies.Entry], restored: list[restores.Restore]) -> dict[str, datetime]:
        """When each incident last did something. The time of a copy is less reliable, since it may be that of the original; it counts only
        if nothing else is known."""
        known: dict[str, datetime] = {}
        doubtful: dict[str, datetime] = {}

        def tell(into: dict[str, datetime], incident: str, when: datetime) -> None:
            into[incident] = max(when, into.get(incident, when))

        for incident, when in [(one.incident, one.when) for one in self._released] + [(one.incident, one.when) for one in restored]:
            tell(known, incident, when)
        for one in entries:
            if one.folder in (copies.JOBS, copies.KEPT):
                tell(known, _incident(one), one.written)
            elif one.folder == copies.BEFORE:
                tell(doubtful, _incident(one), one.arrived)
        for image in self._images:
            for tag in image.tags:
                if image.tagged and _tag(tag).startswith(_OF_INCIDENT):
                    tell(doubtful, _tag(tag).rpartition("-")[2], image.tagged)
        return {**doubtful, **known}

    def _of_entry(self, one: copies.Entry) -> Copy:
        name, incident = f"{self._stack.state}/{one.folder}/{one.name}", _incident(one)
        when = one.written if one.folder in (copies.KEPT, copies.BUILD) else self.times.get(incident)
        return Copy(name, incident, when, one.size)

    def _of_image(self, image: copies.Image, name: str) -> Copy:
        tag = _tag(name)
        if tag.startswith(_OF_INCIDENT):
            incident = tag.rpartition("-")[2]
            return Copy(name, incident, self.times.get(incident), image.size, image=True)
        entered = [one.when for one in self._released if self._is(one, name) or one.image == image.id]
        return Copy(name, "", max(entered, default=image.tagged), image.size, image=True)

    def _is(self, release: releases.Release, name: str) -> bool:
        return bool(release.commit) and name == self._stack.kept_image(release.service, release.commit)


def _incident(one: copies.Entry) -> str:
    """The incident that an entry belongs to; "" for none."""
    if one.folder == copies.BUILD:
        return ""
    return one.name.rpartition("-")[2] if one.folder == copies.KEPT else one.name.partition(".")[0]


def of_database(found: "Copies | Unanswered", name: str) -> datetime | None:
    """When the run last did something that put the database `name` aside; None if that is not known."""
    return None if isinstance(found, Unanswered) else found.times.get(name.rpartition("_")[2])


def stale(found: Copies) -> list[copies.Stash]:
    """The git stashes that are older than the retention of copies."""
    limit = datetime.now(UTC) - timedelta(days=found.stack.retention.keep_days)
    return [one for one in found.stashes if one.when < limit]
