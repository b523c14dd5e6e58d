"""The plan of an nginx rollback: how to put the file in place and let nginx load it, and how to check that it did."""

from rollback_lib.commands.command import Command
from rollback_lib.facts import files
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.common import overwrite_file, replace_file, snapshots
from rollback_lib.stack.model import Stack
from rollback_nginx.noted import After, Before
from rollback_nginx.state import NAME, Nginx, State, workers
from rollback_nginx.target import Target, usable

TARGET = "target"  # the name under which an incident keeps the target version
FILE, LOADED = "file", "loaded"  # the parts of the host that steps and effects name


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`."""
    container, file = usable(now)
    stack, path = now.stack, now.section.file
    before, after = (snapshots.before(stack, incident, name) for name in (replace_file.KEPT, TARGET))
    aside = snapshots.before(stack, incident, snapshots.ASIDE[0] + replace_file.KEPT)
    reload = Command.of("docker", "exec", container.name, "nginx", "-s", "reload")
    done = now.content == target.version.content
    skip = "the target is what is there" if done else None
    steps = (
        Step("keep", "Keep the file that is there, and fetch the target", "Undo needs the one, the next steps the other.",
             (snapshots.folders(stack, "before"), *replace_file.keep(stack, incident, file), target.version.show.to(after)), skip=skip),
        Step("put", "Put the target in place", "Written into the same file, to which the container holds on.",
             (overwrite_file.write(path, after, before),), changes=Changes.AT_ONCE, part=FILE,
             guards=(overwrite_file.guard(file.real, before, after),), skip=skip),
        Step("load", "Reload nginx", "Graceful: requests under way are answered by the earlier workers.", (reload,),
             changes=Changes.STACK, part=LOADED, skip=skip),
        Step("remember", "Enter the outcome among the kept versions", snapshots.REMEMBER,
             snapshots.remember_files(stack, NAME, incident, good=path, bad=before), skip=skip),
    )  # fmt: skip
    undo = (
        Step("undo_put", "Put the file back", "As it was before the rollback; what is there then is kept beside.",
             (Command.of("cp", "-p", path, aside), overwrite_file.write(path, before, aside)), changes=Changes.AT_ONCE, part=FILE),
        Step("undo_load", "Reload nginx", "It runs with it again.", (reload,), changes=Changes.STACK, part=LOADED),
    )  # fmt: skip
    return Plan(
        procedure=NAME, incident=incident, stack=stack.name, host=stack.host, target=target.name, steps=steps,
        undo=() if done else undo, cleanup=(Command.of("rm", "-f", before, after),), writes=(Write(file.real, How.IN_PLACE),),
        facts=_rows(now, target), diff=target.diff, nothing_to_do=done,
        before=Before(file=file.hash, workers=now.workers).plain(), after=After(file=files.short_hash(target.version.content)).plain(),
    )  # fmt: skip


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """Whether nginx runs with the target: the file is the target, and every worker was started after the plan."""
    section = Nginx.of(stack, NAME)
    file, running = host.ask(files.file(section.file)), host.ask(workers(section))
    found = file.result()
    rows = [Effect("file on the host", After.read(plan.after).file, found.hash if found else "no file", part=FILE)]
    if not plan.nothing_to_do:
        fresh = bool(running.result()) and not set(running.result()) & set(Before.read(plan.before).workers)
        rows.append(Effect("workers started with it", "yes", "yes" if fresh else "no", part=LOADED, between=True, settles=True))
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """Whether the file is as before the rollback, and nginx runs."""
    section = Nginx.of(stack, NAME)
    file, running = host.ask(files.file(section.file)), host.ask(workers(section))
    found = file.result()
    return [
        Effect("file on the host", Before.read(plan.before).file, found.hash if found else "no file", part=FILE),
        Effect("nginx", "runs", "runs" if running.result() else "does not run", condition=True, part=LOADED),
    ]


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """Whether the file is as the plan assumed."""
    return undo_effects(host, stack, plan)[:1]


def _rows(now: State, target: Target) -> tuple[tuple[str, str], ...]:
    version = target.version
    return (
        ("host", now.stack.host),
        ("container", now.section.container),
        ("target", f"{version.name} {version.said} ({version.when:%Y-%m-%d %H:%M} UTC)"),
        ("known of it", version.verdict or "nothing yet: it was never verified here"),
        ("nginx says of it", "valid"),
    )
