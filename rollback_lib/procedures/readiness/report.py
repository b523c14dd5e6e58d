"""The rows of readiness: green, amber or red, each with what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollback_lib.facts.host import Unanswered
from rollback_lib.host.ending import Ending
from rollback_lib.plan.plan import Plan, some
from rollback_lib.procedures import code, database, image
from rollback_lib.procedures.caddyfile import State as Caddyfile
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common import retention, snapshots
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row, of_certificates, of_machine, worst
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.plan import of_registry, restore_name
from rollback_lib.procedures.readiness.restored import Restored
from rollback_lib.procedures.readiness.state import State, Target, envs_of, others_of, refusal
from rollback_lib.procedures.triage.symptoms import symptoms
from rollback_lib.record.verdict import Verdict
from rollback_lib.text import times

DAILY, LATE = 26.0, 50.0  # age of the newest backup in hours, above which a row is amber, and red
RELEASES = 3  # how many of the last healthy releases are looked at
NOT_TRIED = "not tried: mode is plan"


@dataclass(frozen=True)
class Tried:
    """A step that ran: how it ended (None if that is not known), how many seconds it took, and the last line of its output."""

    ending: Ending | None
    seconds: float
    last: str

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.ending is not None and self.ending.ok

    @property
    def words(self) -> str:
        """How it ended, and the last line of its output."""
        return f"{self.ending.words if self.ending else 'its end is not known'}: {self.last or 'it said nothing'}"


@dataclass(frozen=True)
class Report:
    """The rows of readiness, and the verdict that follows from them."""

    stack: str
    rows: tuple[Row, ...]

    @property
    def verdict(self) -> Verdict:
        return Verdict.NOT_READY if worst(self.rows) == RED else Verdict.READY

    @property
    def reason(self) -> str:
        """The report in a sentence."""
        red, amber = ([row.name for row in self.rows if row.level == level] for level in (RED, AMBER))
        if red:
            return f"a rollback is not sure to work: {some(red)}" + (f"; and soon: {some(amber)}" if amber else "")
        return f"a rollback would work; look soon at {some(amber)}" if amber else "a rollback would work, every row is green"

    def data(self) -> dict[str, Any]:
        """What the record keeps of it."""
        return {"rows": [row.__dict__ for row in self.rows]}

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do, a sentence each, for red rows first."""
        ordered = sorted((row for row in self.rows if row.do), key=lambda row: row.level != RED)
        return tuple(f"{row.level}, {row.name}: {row.found}; {row.do}" for row in ordered)


def report(now: State, target: Target, plan: Plan, tried: Mapping[str, Tried], restored: Restored) -> Report:
    """The report, from the state of the host and the trials."""
    rows = [
        Row("host", GREEN, f"{now.stack.host} was reached; its key and ours are accepted"),
        _user(now),
        *_routes(now),
        *_stack(now, target),
        *_code(now, target, tried),
        *_releases(now),
        *(row for name in now.images for row in _image(now, target, name)),
        *(row for path in envs_of(now) for row in _env(now, target, tried, path)),
        *_caddyfile(now, target),
        *(row for name in now.databases for row in _database(name, now, target, plan, tried, restored)),
        *(row for one in others_of(now.stack) if one.readiness for row in one.readiness(now.look.looks[one.name], target.others[one.name])),
        *_copies(now, tried),
        *of_machine(now.look.machine),
        *of_certificates(now.probes),
        _known_good(now, plan, tried),
    ]
    return Report(now.stack.name, tuple(rows))


def _user(now: State) -> Row:
    if isinstance(now.user, Unanswered):
        return Row("user", RED, now.user.why, "find out why: log in there by hand")
    ready = now.user.ready
    return Row("user", GREEN if ready else RED, now.user.words, "" if ready else "fix that on the host, or log in as another user")


def _routes(now: State) -> list[Row]:
    rows = []
    for probe in now.probes:
        level = GREEN if probe.ok else RED
        found = f"{probe.status or 'no answer'} in {probe.seconds * 1000:.0f} ms" + ("" if probe.ok else f": {probe.words}")
        rows.append(Row(f"route {probe.route}", level, found, "" if probe.ok else "find out why: `rollback run triage`"))
    return rows


def _stack(now: State, target: Target) -> list[Row]:
    if target.redeploy is None:
        return []
    seen = symptoms(now.look)
    rows = []
    lost = [f"{container} is not on {network}" for container, network in seen.lost]
    do = "put it back, or redeploy: `rollback run redeploy`" if lost else ""
    rows.append(Row("networks", RED if lost else GREEN, some(lost) or "every container is on every network it should be on", do))
    if seen.down:
        rows.append(Row("containers", RED, f"not running: {some(list(seen.down))}", "find out why: `rollback run triage`"))
    if isinstance(target.redeploy, Unanswered):
        rows.append(Row("redeploy", RED, target.redeploy.why, "fix that, or there is no redeploy"))
    else:
        rows.append(Row("redeploy", GREEN, f"{target.redeploy.words} could be deployed, there is room to build it"))
    return rows


def _code(now: State, target: Target, tried: Mapping[str, Tried]) -> list[Row]:
    deployed = now.look.of(Code)
    if target.code is None:
        why = "the stack names no service that is built here" if now.stack.tree else "the stack has no tree, so git tells nothing here"
        return [Row("code", GREEN, f"left out, with build and releases: {why}")]
    if isinstance(target.code, Unanswered) or deployed is None:
        why = target.code.why if isinstance(target.code, Unanswered) else "not known"
        return [Row("code", RED, why, "name a commit that was good, once, by rolling back to it")]
    sha, state = target.code.commit.short, deployed.state
    of_image = of_registry(now)
    refused = "" if of_image else refusal(lambda: code.plan(state, target.code, incident="readiness"))  # type: ignore[arg-type]
    if refused:
        return [Row("code", RED, refused, "fix that on the host")]
    kept = "its image is kept" if state.main.kept_image(target.code.commit.sha) else "its image would be built"
    rows = [Row("code", GREEN, f"would go back to {sha}, {target.code.why}; {kept}")]
    if not of_image:
        rows += [Row("drift", AMBER, line, "write it into the files; a rollback refuses until then") for line in _drift(state, target.code)]
        rows.append(_trial("build", f"{sha} builds", f"{sha} does not build", tried.get("build"), "see output/build.txt of the record"))
    return rows


def _drift(state: code.State, target: code.Target) -> tuple[str, ...]:
    """What the containers have and no file gives them."""
    return code.plan(state, target, incident="readiness").drift


def _releases(now: State) -> list[Row]:
    """Whether the image of each release that was healthy here lately is still to be had."""
    deployed = now.look.of(Code)
    if deployed is None:
        return []
    state = deployed.state
    good = list(dict.fromkeys(one.commit for one in reversed(state.releases) if one.healthy and one.commit))[:RELEASES]
    of_registry = now.images.get(state.main.service)
    tags = of_registry.tagged if isinstance(of_registry, image.State) else {}
    gone = [sha[:7] for sha in good if not state.main.kept_image(sha) and sha not in tags]
    if not good:
        return []
    if gone:
        do = "a rollback to it would build it: see the row of build"
        return [Row("releases", AMBER, f"the image of {some(gone)} is neither kept nor in the registry", do)]
    return [Row("releases", GREEN, f"the images of {some([sha[:7] for sha in good])}, healthy here, are kept or in the registry")]


def _trial(name: str, well: str, ill: str, one: Tried | None, do: str) -> Row:
    if one is None:
        return Row(name, AMBER, NOT_TRIED, "run it with --apply: it changes nothing that serves")
    if one.ok:
        return Row(name, GREEN, f"{well}, in {times.exactly(one.seconds)}")
    return Row(name, RED, f"{ill}, {one.words}", do)


def _label(what: str, which: str, several: bool) -> str:
    return f"{what} {which}" if several else what


def _image(now: State, target: Target, service: str) -> list[Row]:
    label, chosen, state = _label("image", service, len(now.images) > 1), target.images[service], now.images[service]
    if isinstance(chosen, Unanswered):
        if service not in (now.stack.code.names if now.stack.code else ()):  # where others are, a person can name one
            nothing = not (isinstance(state, image.State) and any(not one.running for one in image.candidates(state)))
        else:
            nothing = of_registry(now)
        do = "see whether the registry has earlier images; each that is healthy here is kept by this run with --apply"
        return [Row(label, RED if nothing else AMBER, chosen.why, do)]
    row = chosen.candidate
    where = "kept on the host" if row.image else "in the registry" if row.in_registry else "nowhere"
    level = GREEN if row.image or row.in_registry else RED
    do = "" if level == GREEN else "push it again"
    return [Row(label, level, f"would go back to {row.tag[:12]}, {chosen.why}; it is {where}", do)]


def _env(now: State, target: Target, tried: Mapping[str, Tried], path: str) -> list[Row]:
    label, held, chosen = _label("env", path, len(envs_of(now)) > 1), envs_of(now)[path], target.envs[path]
    if isinstance(held, Unanswered):
        return [Row(label, RED, held.why, "fix that on the host")]
    if held.unreadable:
        return [Row(label, RED, f"compose cannot read the file: {held.unreadable}", "fix that line, or roll it back")]
    known, good = snapshots.standing(held.versions, held.content)
    if good:
        return [Row(label, GREEN, f"the file as it is is kept: {known}")]
    if (kept := tried.get("remember")) and kept.ok:
        return [Row(label, GREEN, "the file as it is is kept, from now on, as healthy here")]
    if isinstance(chosen, Unanswered):
        return [Row(label, AMBER, "no version of the file is kept yet", "run this with --apply while the stack is healthy: it keeps it")]
    return [Row(label, GREEN, f"would go back to {chosen.name}, {chosen.why}")]


def _caddyfile(now: State, target: Target) -> list[Row]:
    if target.caddyfile is None:
        return []
    if isinstance(target.caddyfile, Unanswered):
        return [Row("caddyfile", *_no_version(now, target.caddyfile.why))]
    rows = [Row("caddyfile", GREEN, f"would go back to {target.caddyfile.version.name}, {target.caddyfile.why}; Caddy accepts it")]
    proxy = now.look.of(Caddyfile)
    if proxy and proxy.loaded is False:
        rows.append(
            Row(
                "Caddy's configuration",
                AMBER,
                "Caddy runs with something else than the file says",
                "reload it, if that is intended",
            )
        )
    return rows


def _no_version(now: State, why: str) -> tuple[str, str, str]:
    """What to do if there is no earlier version of a Caddyfile. Outside of a git tree, the first run that keeps it makes one."""
    if now.stack.caddyfile and now.stack.in_tree(now.stack.caddyfile.file) is None:
        return AMBER, why, "run this with --apply while the stack is healthy: it keeps the file"
    return RED, why, "commit a good version of it"


def _database(name: str, now: State, target: Target, plan: Plan, tried: Mapping[str, Tried], restored: Restored) -> list[Row]:
    state, one = now.databases[name], target.databases[name]
    if isinstance(state, Unanswered) or isinstance(one, Unanswered):
        why = one.why if isinstance(one, Unanswered) else "not known"
        return [Row(f"database {name}", RED, why, "fix that, or there is no way back for this database")]
    hours = (datetime.now(UTC) - one.backup.changed).total_seconds() / 3600
    level = RED if hours > LATE else AMBER if hours > DAILY else GREEN
    do = "" if level == GREEN else "see why the daily backup was not made"
    rows = [Row(f"backup of {name}", level, f"{one.backup.name}, {hours:.1f} h old, {one.backup.size / 1e6:,.1f} MB, whole", do)]
    restore = tried.get(restore_name(name))
    label = f"restore of {name}"
    if restore is None:
        rows.append(_trial(label, "", "", None, ""))
    elif restored.tables.get(name) is None:
        rows.append(
            Row(
                label,
                RED,
                f"it was not restored, {restore.words}",
                f"see output/{restore_name(name)}.txt of the record",
            )
        )
    elif restored.missing.get(name):
        rows.append(Row(label, RED, f"rows are missing in {restored.missing[name]}", "the backup is not what it says; make a new one"))
    else:
        words = f"{restored.tables[name]} tables, {restored.rows[name]} came back, in {times.exactly(restore.seconds)}"
        late = restore.seconds > now.stack.budgets.database
        rows.append(Row(label, AMBER if late else GREEN, words, "that is longer than the budget of a database" if late else ""))
    if state.beside:
        rows.append(_beside(now, name, state))
    drop = tried.get("drop")
    if drop and not drop.ok:
        rows.append(Row(f"dropping of {name}", RED, drop.words, f"drop {After.read(plan.after).restored.get(name, '')} by hand"))
    return rows


def _beside(now: State, name: str, state: database.State) -> Row:
    """The databases that earlier runs left beside the live one. They are never dropped automatically: their rows may exist nowhere else."""
    words = []
    for one in sorted(state.beside, key=lambda one: one.name):
        when = retention.of_database(now.copies, one.name)
        age = f"{(datetime.now(UTC) - when).days} days" if when else "its age is not known"
        words.append(f"{one.name} ({one.size / 1e6:,.0f} MB, {age})")
    drop = f"docker exec {state.section.container} dropdb -U {state.section.user} NAME"
    return Row(f"kept beside {name}", AMBER, some(words), f"it stays until somebody drops it; when nobody needs its rows: `{drop}`")


def _copies(now: State, tried: Mapping[str, Tried]) -> list[Row]:
    """What earlier runs keep on the host for an undo, and what of it is removed."""
    found = now.copies
    if isinstance(found, Unanswered):
        return [Row("copies", AMBER, f"not known: {found.why}", "look at it on the host: nothing is removed as long as it cannot be read")]
    files, images = [one for one in found.all if not one.image], [one for one in found.all if one.image]
    oldest = max((one.days(datetime.now(UTC)) for one in found.all), default=0)
    kept = (
        f"{retention.number(files, 'file')}, {retention.size(files)}; {retention.number(images, 'image')}, up to {retention.size(images)}; "
        f"the oldest of {oldest} days"
    )
    one = tried.get("remember")
    if not found.beyond:
        rows = [Row("copies", GREEN, kept)]
    elif one and one.ok:
        rows = [Row("copies", GREEN, f"{kept}; removed now: {retention.said(found)}")]
    else:
        do = "a run with --apply removes it, this one too where every route passes"
        rows = [Row("copies", AMBER, f"{kept}; past its retention: {retention.said(found)}", do)]
    stale = retention.stale(found)
    if stale:
        words = [f"{one.place} of {one.incident}, {times.day(one.when)}" for one in stale]
        do = f"somebody's work, so it stays; when nobody needs it: `git -C {now.stack.work_tree} stash drop {stale[0].place}`"
        rows.append(Row("stashes", AMBER, some(words), do))
    return rows


def _known_good(now: State, plan: Plan, tried: Mapping[str, Tried]) -> Row:
    one = tried.get("remember")
    unkept = After.read(plan.after).unkept
    if unkept:
        do = "commit what is changed in the tree, so that a release has a name" if now.stack.tree else "see why it is not known what runs"
        return Row("known good", AMBER, unkept, do)
    if one is None:
        needs = "not entered: that needs --apply, and every route healthy"
        return Row("known good", AMBER, needs, "run it with --apply while the stack is healthy")
    return _trial("known good", "what runs is entered as a release known good", "it could not be entered", one, "see output/remember.txt")
