"""The plan of a Caddyfile rollback: how to put the file in place and let Caddy load it, and how to check that it did."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts import caddy, docker, files
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.caddyfile.noted import After, Before
from rollback_lib.procedures.caddyfile.rationale import rationale
from rollback_lib.procedures.caddyfile.state import NAME, State, caddy_in, path_inside, tracked
from rollback_lib.procedures.caddyfile.target import Target, usable
from rollback_lib.procedures.common import overwrite_file, replace_file, snapshots
from rollback_lib.procedures.common.noted_file import NotedFile, content_of, rights_of
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

NOT_SEEN = "could not be read"
INSIDE_ROW = "file in the container"
TARGET = "target"  # the name under which an incident keeps the target version
INSIDE = "inside"  # the name for the file that the container sees, if that is a different one
FILE, LOADED = "file", "loaded"  # the parts of the host that steps and effects name


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`."""
    container, path = usable(now)
    assert now.file is not None
    stack = now.stack
    same_file = now.current == target.version.content and now.inside is not None and now.inside.hash == target.version.hash
    done = same_file and now.live is not None and now.live.hash == target.config.hash
    steps = _steps(now, target, incident, same_file=same_file)
    kept = (snapshots.before(stack, incident, name) for name in (replace_file.KEPT, TARGET, INSIDE))
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.version.name,
        steps=tuple(_skipped(step, "the target already runs") for step in steps) if done else steps,
        undo=() if done else _undo(now, incident),
        cleanup=(Command.of("rm", "-f", *kept),),
        writes=(Write(now.file.real, How.IN_PLACE),),
        rationale=rationale(now, target),
        facts=_rows(now, target, container, _load(now, container, path, "")[1]),
        notes=_notes(now, target),
        diff=target.diff,
        nothing_to_do=done,
        before=Before(
            file=NotedFile.of(now.file, now.file.hash),
            inside=now.inside.hash if now.inside else None,
            live=now.live.hash if now.live else None,
            started=container.started,
        ).plain(),
        after=After(file=target.version.hash, live=target.config.hash, reload=_restart_because(now) is None).plain(),
    )


def _steps(now: State, target: Target, incident: str, *, same_file: bool) -> tuple[Step, ...]:
    container, path = usable(now)
    assert now.file is not None
    stack, file = now.stack, now.stack.section(NAME).file
    before, after, inside = (snapshots.before(stack, incident, name) for name in (replace_file.KEPT, TARGET, INSIDE))
    whole = '[ "$(sha256sum <"$1" | cut -c -12)" = "$2" ] || { echo "the target is another one now; make a new plan" >&2; exit 1; }'
    keep = (
        snapshots.folders(stack, "before"), *replace_file.keep(stack, incident, now.file), target.version.show.to(after),
        Command.of("sh", "-euc", whole, "sh", after, target.version.hash),
        *((Command.of("docker", "exec", container.name, "cat", path).to(inside),) if _held(now) else ()),
    )  # fmt: skip
    held = (overwrite_file.write_inside(container.name, path, after, inside),) if _held(now) else ()
    put = Step("put", "Put the target in place", "Written into the same file: a container keeps reading a file that was replaced.",
               (overwrite_file.write(file, after, before), *held), changes=Changes.AT_ONCE, part=FILE,
               guards=(overwrite_file.guard(now.file.real, before, after),))  # fmt: skip
    load, title, why = _load(now, container, path, after)
    return (
        Step("keep", "Keep the Caddyfile that is there, and fetch the target", "Undo needs the one, the next steps the other.", keep),
        _skipped(put, "the file already matches the target") if same_file else put,
        Step("load", title, why, load, changes=Changes.STACK, part=LOADED, deadline=60.0),
        Step("remember", "Enter the outcome among the kept versions", snapshots.REMEMBER,
             snapshots.remember_files(stack, NAME, incident, good=file, bad=None if same_file else before)),
    )  # fmt: skip


def _undo(now: State, incident: str) -> tuple[Step, ...]:
    container, path = usable(now)
    stack, file = now.stack, now.stack.section(NAME).file
    before, after, inside = (snapshots.before(stack, incident, name) for name in (replace_file.KEPT, TARGET, INSIDE))
    aside = snapshots.before(stack, incident, snapshots.ASIDE[0] + replace_file.KEPT)
    held = (overwrite_file.write_inside(container.name, path, inside, after),) if _held(now) else ()
    load, title, _ = _load(now, container, path, before)
    return (
        Step("undo_put", "Put the Caddyfile back", "As it was before the rollback; what is there then is kept beside.",
             (_aside(file, before, after, aside), overwrite_file.write(file, before, aside), *held), changes=Changes.AT_ONCE, part=FILE),
        Step("undo_load", title, "Caddy runs with it again.", load, changes=Changes.STACK, part=LOADED, deadline=60.0),
    )  # fmt: skip


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    found = _look(host, stack, plan)
    container = found.container
    rows = [
        Effect("file on the host", after.file, content_of(found.file), part=FILE, between=found.partly),
        Effect(INSIDE_ROW, after.file, found.inside, condition=found.inside == NOT_SEEN, part=FILE, between=True),
        Effect("Caddy's live configuration", after.live, found.live, condition=found.live == NOT_SEEN, part=LOADED),
        Effect("state of the container", "running", container.state if container else "no container", condition=True, part=LOADED),
    ]
    if after.reload and not plan.nothing_to_do:
        kept = container is not None and container.started == before.started
        # This does not decide: whoever restarted Caddy (Docker itself may have), it runs with the target, as was asked for.
        said = "yes" if kept else "no, it was restarted meanwhile"
        rows.append(Effect("Caddy kept running", "yes", said, condition=True, decides=False, part=LOADED))
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before = Before.read(plan.before)
    found = _look(host, stack, plan)
    rows = [
        Effect("file on the host", before.file.content, content_of(found.file), part=FILE, between=found.partly),
        Effect("mode, owner and group of the file", before.file.rights, rights_of(found.file), part=FILE),
    ]
    if before.inside:
        rows.append(Effect(INSIDE_ROW, before.inside, found.inside, part=FILE, between=True))
    if before.live:
        rows.append(Effect("Caddy's live configuration", before.live, found.live, part=LOADED))
    return rows


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now. If the file in the container cannot be read, it does not count: while
    Caddy restarts again and again, it can be read at some moments only."""
    rows = undo_effects(host, stack, plan)
    return [one for one in rows if not (one.name == INSIDE_ROW and one.found == NOT_SEEN)]


@dataclass(frozen=True)
class _Seen:
    """What was found: the container, the file, the hash of the file as the container sees it, and the hash of what Caddy has loaded.
    `partly`: the file is what an interrupted write leaves."""

    container: docker.Container | None
    file: NotedFile | None
    partly: bool
    inside: str
    live: str


def _look(host: Host, stack: Stack, plan: Plan) -> _Seen:
    section = stack.section(NAME)
    mine, there = host.ask(docker.replicas(stack, section.service)), host.ask(files.file(section.file))
    kept, target = (host.ask(files.file(snapshots.before(stack, plan.incident, name))) for name in (replace_file.KEPT, TARGET))
    container, file = docker.newest(mine.result()), there.result()
    path = path_inside(container, section.file)
    inside = live = NOT_SEEN
    if container and path:
        of_file = host.ask(caddy.adapted(Command.of("cat", section.file), caddy_in(container, path, up=True))).result()
        admin = (of_file.admin if isinstance(of_file, caddy.Configuration) else None) or caddy.ADMIN
        seen, loaded = host.ask(caddy.inside(container, path, section.file)), host.ask(caddy.live(container, admin))
        inside, live = (one.hash if one else NOT_SEEN for one in (seen.result(), loaded.result()))
    noted = NotedFile.of(file, file.hash) if file else None
    return _Seen(container, noted, _partly(file, kept.result(), target.result()), inside, live)


def _partly(file: files.File | None, kept: files.File | None, target: files.File | None) -> bool:
    """Whether the file is what an interrupted write of the target leaves."""
    return bool(file and kept and target) and overwrite_file.between(*(one.content.reveal() for one in (file, kept, target) if one))


def _aside(file: str, kept: str, target: str, aside: str) -> Command:
    """The command that keeps the file that an undo replaces. If the disk is full and the file is the target, which is kept already, a
    hard link is enough."""
    look = (
        'cmp -s "$1" "$2" && exit 0; cp -p "$1" "$4" || { rm -f "$4"; cmp -s "$1" "$3" && ln "$3" "$4"; } || '
        '{ echo "$1 has what is kept nowhere, and there is no room to keep it" >&2; exit 1; }'
    )
    return Command.of("sh", "-euc", look, "sh", file, kept, target, aside)


def _held(now: State) -> bool:
    """Whether the container still sees a file that was replaced on the host, and this old file can be written."""
    return _stale(now) and now.inside is not None and now.inside.writable


def _stale(now: State) -> bool:
    """Whether the container sees another file than the one on the host, or will do so when the plan runs."""
    if now.replaced:
        return now.inside is not None
    if now.inside is None or now.file is None:
        return False
    return now.inside.inode != now.file.inode if now.inside.inode else now.inside.hash != now.file.hash


def _restart_because(now: State) -> str | None:
    if not now.running:
        state = now.container.state if now.container else "missing"
        return f"Caddy is not running (its container is {state}), so there is nothing to reload"
    if now.live is None:
        return "Caddy's admin API does not answer (it may be switched off), so it cannot be told to reload"
    if _stale(now) and now.inside and not now.inside.writable:
        return "the container holds a file that was replaced on the host and cannot be written, and only a restart mounts the new one"
    return None


def _load(now: State, container: docker.Container, path: str, source: str) -> tuple[tuple[Command, ...], str, str]:
    """The commands that make Caddy load the file, a title for them, and the reason why these commands are used."""
    because = _restart_because(now)
    if because:
        return (Command.of("docker", "restart", container.name),), "Restart Caddy", f"A restart, because {because}."
    admin = ("--address", now.live.admin) if now.live and now.live.admin and now.live.admin != caddy.ADMIN else ()
    command = caddy_in(container, path, up=True)
    reload = Command.of(*command.argv, "reload", "--config", "-", "--adapter", "caddyfile", *admin).reading(source)
    why = "Graceful: requests under way are answered, and connections that wait to be accepted move to the new listener."
    return (_hand_over(container), reload), "Reload Caddy", why


def _hand_over(container: docker.Container) -> Command:
    """The command that lets waiting connections move to Caddy's new listener. Otherwise Linux resets those in the queue of the old one.

    Caddy listens with SO_REUSEPORT and closes the old socket at a reload. The setting applies to the network namespace of the container
    and is lost at its next start (https://docs.kernel.org/networking/ip-sysctl.html, tcp_migrate_req, since Linux 5.14).
    """
    script = (
        'set -- $(docker inspect --format "{{.State.Pid}} {{.HostConfig.NetworkMode}}" "$1"); '
        '{ [ "$2" != host ] && nsenter -t "$1" -n sh -c "echo 1 >/proc/sys/net/ipv4/tcp_migrate_req"; } 2>/dev/null || '
        'echo "waiting connections cannot be handed over here: under load, a few may be reset by the reload"'
    )
    return Command.of("sh", "-c", script, "sh", container.name)


def _skipped(step: Step, because: str) -> Step:
    return Step(step.name, step.title, step.why, part=step.part, skip=because)


def _rows(now: State, target: Target, container: docker.Container, title: str) -> tuple[tuple[str, str], ...]:
    version = target.version
    loaded = {True: "yes", False: "no: it runs with something else", None: "not known"}[now.loaded]
    return (
        ("host", now.stack.host),
        ("container", f"{container.name}, {container.state}"),
        ("Caddy has loaded the file that is there", loaded),
        ("target", f"{version.name} {version.said} ({times.minute(version.when)})"),
        ("known of it", version.verdict or "nothing yet: it was never verified here"),
        ("Caddy says of it", "valid"),
        ("how", f"{title}: {_restart_because(now) or 'gracefully, without a restart'}"),
    )


def _notes(now: State, target: Target) -> tuple[str, ...]:
    notes = []
    of_git = tracked(now.stack)
    if of_git is None:
        notes.append("The Caddyfile is in no git tree: only versions that earlier runs kept can be chosen.")
    in_git = now.coming or now.committed
    if of_git and in_git is not None and in_git != target.version.hash:
        notes.append(
            f"git will show {of_git.path} as changed on the host, and a `git pull` that changes it stops with a message; "
            "commit the version that is to stay."
        )
    if now.file and now.committed is not None and now.file.hash != now.committed:
        notes.append("The Caddyfile has uncommitted changes; they are kept, and undo brings them back.")
    return tuple(notes)
