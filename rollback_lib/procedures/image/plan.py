"""The plan of an image rollback: how to pull, pin and start the image, and how to check that it runs."""

from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.commands.image import Reference
from rollback_lib.facts import compose, docker, registry, releases
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.common import drift, env_edit, fitting, recreate, replace_file, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.image.noted import After, Before
from rollback_lib.procedures.image.rationale import rationale
from rollback_lib.procedures.image.state import NAME, Candidate, State
from rollback_lib.procedures.image.target import Target
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

PULL_DEADLINE = 900.0  # seconds
CHOICE = "choice"  # the part of the host that steps and effects name: which image the next `up` starts


def plan(now: State, target: Target, *, incident: str, recreates: bool = True) -> Plan:
    """The plan from `now` to `target`. `recreates` is False for a part of a plan that recreates the containers in another step."""
    stack, service, row = now.stack, now.service, target.candidate
    container = now.container
    pin = _pin(now, row)
    settled = _settled(now, row, pin)
    up = bool(now.replicas) and all(one.state == "running" and one.image == row.image for one in now.replicas)
    done = up and settled
    before = stack.kept_image(service, f"before-{incident}")
    kept = stack.kept_image(service, row.commit.sha if row.commit else row.tag)
    steps = (
        Step("keep", "Keep the image that runs now", "Undo starts it again, even when the registry does not answer then.",
             (snapshots.folders(stack, "before"), *((Command.of("docker", "tag", container.image, before),) if container else ()),
              *replace_file.keep(stack, incident, now.variables))),
        _pull(now, target, kept),
        _choose(now, row, pin, incident, settled),
        Step("recreate", f"Recreate {service}", "With the compose files in the order they were given at its last start.",
             (now.compose.up({service: docker.count(now.replicas)}),) if recreates else (), changes=Changes.STACK, part=replicas.PART),
        _remember(now, row, kept, incident),
    )  # fmt: skip
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=f"{now.named.name}:{row.tag}",
        steps=tuple(replace(step, commands=(), guards=(), skip="the target already runs") for step in steps) if done else steps,
        undo=() if done else _undo(now, before, incident, written=pin is not None and not settled, up=recreates),
        cleanup=_cleanup(now, before, incident),
        removes=replicas.names(now.replicas) if recreates else (),
        writes=_writes(now, pin, settled=settled),
        drift=() if done else _drift(now),
        rationale=rationale(now, target),
        facts=_rows(now, target),
        notes=_notes(now, row, pin),
        nothing_to_do=done,
        before=Before(
            service=service,
            named=now.named.short,
            file=now.compose.variables if pin is not None and not settled else None,
            replicas=Replicas.of(now.replicas),
        ).plain(),
        after=After(kept=kept, named=(_pinned(now, pin) if pin else now.named).short, compose=now.compose).plain(),
    )


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    service = before.service
    mine, wanted = host.ask(docker.replicas(stack, service)), host.ask(docker.image_id(after.kept))
    named = host.ask(compose.image(after.compose, service))
    image = None if plan.nothing_to_do else wanted.result() or "no image of the target"
    return [
        *replicas.after(before.replicas, service, mine.result(), image=image, recreated=not plan.nothing_to_do),
        Effect("name that the next `up` starts", after.named, named.result().short, part=CHOICE),
    ]


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    service = before.service
    mine, wanted = host.ask(docker.replicas(stack, service)), host.ask(docker.image_id(after.kept))
    named = host.ask(compose.image(after.compose, service))
    as_kept = host.ask(replace_file.as_kept(stack, plan.incident, before.file)) if before.file else None
    rows = [
        *replicas.back(before.replicas, service, mine.result(), image=wanted.result()),
        Effect("name that the next `up` starts", before.named, named.result().short, part=CHOICE),
    ]
    if before.file and as_kept:
        between = named.result().short == after.named
        rows.append(Effect(before.file, "as before", "as before" if as_kept.result() else "another", part=CHOICE, between=between))
    return rows


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """Whether the host is as the plan assumed. The file that holds the choice is looked at as it is kept, and as it is written."""
    before = Before.read(plan.before)
    containers = host.ask(docker.replicas(stack, before.service)).result()
    return [replicas.assumed(before.replicas, before.service, containers)]


def _drift(now: State) -> tuple[str, ...]:
    """What new containers would lose. Their image and the variable that names it do not count, since the rollback changes them."""
    known = now.defined.get(now.service) if isinstance(now.defined, dict) else None
    return drift.of_service(now.replicas, known, now.environments, image=False) if known else ()


def _pin(now: State, row: Candidate) -> str | None:
    """The value that the variable of the compose files must get; None if they use no variable. It has no digest if other images take
    their tag from the same variable, since a digest belongs to one image only."""
    if now.variable is None:
        return None
    alone = all(image == now.declared for image in now.sharing.values())
    return f"{row.tag}@{row.digest}" if row.digest and alone else row.tag


def _pinned(now: State, pin: str) -> Reference:
    return Reference.parse(f"{now.named.name}:{pin}")


def _settled(now: State, row: Candidate, pin: str | None) -> bool:
    """Whether the next `up` starts the target already. If the value has no digest, its tag has to name the target on the host."""
    if pin is None or now.named != _pinned(now, pin):
        return False
    return "@" in pin or any(one.tag == row.tag and one.id == row.image for one in now.local)


def pull(now: State, row: Candidate) -> Command:
    """The command that pulls an image by its digest."""
    return Command.of("docker", "pull", "--quiet", f"{now.named.name}@{row.digest}")


def _pull(now: State, target: Target, kept: str) -> Step:
    row = target.candidate
    title, why = "Fetch the target's image", "Before anything stops: an image that cannot be pulled ends the run here."
    if row.digest and all(image.digest != row.digest for image in now.local):
        reads = fitting.checks(target.files, {now.service: kept})
        commands = (pull(now, row), Command.of("docker", "tag", f"{now.named.name}@{row.digest}", kept), *reads)
        return Step("pull", title, why, commands, deadline=PULL_DEADLINE)
    # `docker tag` fails if the image does not exist, so this proves that it does; the tag protects it from a clean-up.
    return Step("pull", "Keep the target's image, which the host has", why, (Command.of("docker", "tag", row.image or "", kept),))


def _choose(now: State, row: Candidate, pin: str | None, incident: str, settled: bool) -> Step:
    title = "Write the choice down"
    if settled:
        return Step("choose", title, "So that the next `up` keeps it.", skip="the compose files name the target already")
    meant = row.image or f"{now.named.name}@{row.digest}"
    local = () if pin and "@" in pin else (Command.of("docker", "tag", meant, f"{now.named.name}:{row.tag}"),)
    if pin is None:
        why = f"The compose files name {now.named} and no variable: that tag means the target on this host, until the next pull."
        retag = Command.of("docker", "tag", meant, str(now.named))
        return Step("choose", title, why, (retag,), changes=Changes.STACK, part=CHOICE)
    file = now.compose.variables
    why = f"{now.variable} in {file}, which compose reads: the next `up`, or `pull` and `up`, keeps the target."
    old = now.variables.content.reveal() if now.variables else b""
    source = snapshots.before(now.stack, incident, replace_file.KEPT)
    pieces = env_edit.changed(source, old, {now.variable or "": [env_edit.Text(f"{now.variable}={pin}\n")]})
    commands = replace_file.put(now.stack, incident, now.variables, file, pieces)
    guards = replace_file.guard(now.stack, incident, now.variables, file)
    return Step("choose", title, why, (*local, *commands), changes=Changes.STACK, part=CHOICE, guards=guards)


def _writes(now: State, pin: str | None, *, settled: bool) -> tuple[Write, ...]:
    if pin is None or settled:
        return ()
    return (Write(now.variables.real if now.variables else now.compose.variables, How.REPLACED),)


def _remember(now: State, row: Candidate, kept: str, incident: str) -> Step:
    service = now.service
    ledger = f"{now.stack.state}/{releases.FILE}"
    commands = [releases.enter(ledger, service, row.commit.sha if row.commit else "", kept, healthy=True, incident=incident,
                               compose=now.compose)]  # fmt: skip
    if now.container and now.container.image != row.image:
        commands.insert(0, releases.enter(ledger, service, now.running or "", now.container.image, healthy=False, incident=incident))
    return Step("remember", "Enter the outcome in the ledger of releases", snapshots.REMEMBER, tuple(commands))


def _undo(now: State, before: str, incident: str, *, written: bool, up: bool) -> tuple[Step, ...]:
    file = now.compose.variables
    steps = []
    if written:
        back = replace_file.put_back(now.stack, incident, now.variables, file)
        steps.append(
            Step(
                "undo_choose",
                "Put the choice back",
                f"{file} as it was; what is there then is kept beside.",
                back,
                changes=Changes.STACK,
                part=CHOICE,
            )
        )
    if now.container:
        name = now.container.image_name
        tag = () if Reference.parse(name).digest else (Command.of("docker", "tag", before, name),)
        ran = {now.container.service: (now.container.compose, docker.count(now.replicas))}
        start = recreate.back(ran, now.replicas) if up else ()
        steps.append(
            Step("undo_recreate", "Start the image that ran before", "It was kept under a rollback/ tag.", (*tag, *start),
                 changes=Changes.STACK, part=replicas.PART)
        )  # fmt: skip
    return tuple(steps)


def _cleanup(now: State, before: str, incident: str) -> tuple[Command, ...]:
    untag = (Command.of("docker", "image", "rm", before),) if now.container else ()
    return (
        *untag,
        Command.of("rm", "-f", *(snapshots.before(now.stack, incident, name) for name in (replace_file.KEPT, replace_file.PUT))),
    )


def _rows(now: State, target: Target) -> tuple[tuple[str, str], ...]:
    row = target.candidate
    subject = f" {row.commit.subject} ({row.commit.author}, {times.minute(row.commit.when)})" if row.commit else ""
    runs = f"{now.container.image_name}, image {now.container.image[7:19]}" if now.container else "no container"
    return (
        ("host", now.stack.host),
        ("service", f"{now.service} × {docker.count(now.replicas)}"),
        ("runs now", runs + (f", commit {now.running[:7]}" if now.running else "")),
        ("target", f"{row.tag}{subject}"),
        ("digest", row.digest or "none: it was built on this host and never came from a registry"),
        ("known of it", row.verdict or "nothing yet: it was never verified here"),
        ("where it is", "on the host" if row.image else "in the registry; pulled before anything stops"),
        ("compose files", ", ".join(now.compose.files)),
    )


def _notes(now: State, row: Candidate, pin: str | None) -> tuple[str, ...]:
    notes = [*recreate.notes(now.replicas)]
    if pin:
        file = now.compose.variables
        notes.append(f"{now.variable} in {file} names this image until someone changes it: a deploy of a newer one has to change it, too.")
        if now.sharing:
            notes.append(
                f"{now.variable} also holds the tag of {some(sorted(now.sharing))}, which is not recreated here and follows at its next "
                "`up`; roll it back as well if it has to match."
            )
        if "@" not in pin and row.digest:
            notes.append(f"It holds no digest, as these are other images: {row.tag} means the target on this host until the next pull.")
    else:
        notes.append(f"The compose files have no variable for the tag: the next `pull` brings back what the registry has as {now.named}.")
    if isinstance(now.tags, registry.Unavailable):
        notes.append(f"The registry does not answer ({now.tags.why}): only images on the host can be started.")
    if now.container and now.container.compose.files != now.compose.files:
        before = ", ".join(now.container.compose.files)
        notes.append(f"The container was started with {before}; from now on with the files above, which take its image from the registry.")
    if now.stack.tree:
        notes.append("The tree is not touched: a rebuild on the host would bring back the code that is checked out there.")
    else:
        notes.append("There is no tree: which commits the images were made of is known by their tags and labels only.")
    return tuple(notes)
