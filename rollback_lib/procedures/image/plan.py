"""How to fetch, pin and start the image, and whether it runs."""

from dataclasses import replace

from rollback_lib.command import Command
from rollback_lib.facts import compose, docker, registry, releases
from rollback_lib.facts.fact import Dialogue
from rollback_lib.plan import Effect, Plan, Step
from rollback_lib.procedures import edit, keeping, place
from rollback_lib.procedures.image.grounds import grounds
from rollback_lib.procedures.image.state import NAME, Candidate, State, declared
from rollback_lib.procedures.image.target import Target
from rollback_lib.reference import Reference
from rollback_lib.stack import Stack

PULL_DEADLINE = 900.0  # seconds


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """How to get from `now` to `target`."""
    stack, service, row = now.stack, now.stack.section(NAME).service, target.candidate
    container = now.container
    pin = _pin(now, row)
    settled = _settled(now, pin)
    up = container is not None and container.state == "running" and container.image == row.image
    done = up and settled
    before = stack.kept_image(service, f"before-{incident}")
    kept = stack.kept_image(service, row.commit.sha if row.commit else row.tag)
    steps = (
        Step("keep", "Keep the image that runs now", "Undo starts it again, even when the registry does not answer then.",
             (keeping.folders(stack, "before"), *((Command.of("docker", "tag", container.image, before),) if container else ()),
              *place.keep(stack, incident, now.variables))),
        _pull(now, row, kept),
        _choose(now, row, pin, incident, settled),
        Step("recreate", f"Make a new container of {service}", "With the compose files in the order they were given at its last start.",
             (now.compose.up(service),), touches=True),
        _remember(now, row, kept, incident),
    )  # fmt: skip
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=f"{now.named.name}:{row.tag}",
        steps=tuple(replace(step, commands=(), skip="the target is what runs") for step in steps) if done else steps,
        undo=() if done else _undo(now, before, incident, written=pin is not None and not settled),
        cleanup=_cleanup(now, before, incident),
        removes=(container.name,) if container else (),
        grounds=grounds(now, target),
        facts=_rows(now, target),
        notes=_notes(now, row, pin),
        nothing_to_do=done,
        before={
            "container": container.id if container else "",
            "image": container.image if container else "",
            "named": container.image_name if container else "",
        },
        after={"kept": kept, "named": (_pinned(now, pin) if pin else now.named).short},
    )


def effects(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the rollback has the effect that was asked for."""
    service = stack.section(NAME).service
    found = yield {
        "container": docker.container(stack.compose_directory, service),
        "wanted": docker.image_id(plan.after["kept"]),
    }
    container: docker.Container | None = found["container"]
    way = declared(stack, container)
    named = (yield {"named": compose.image(way, service)})["named"]
    rows = [
        Effect("state of the container", "running", container.state if container else "no container", condition=True),
        Effect("name that the next `up` starts", plan.after["named"], named.short),
    ]
    if not plan.nothing_to_do:
        fresh = container is not None and container.id != plan.before["container"]
        wanted = (found["wanted"] or "no image of the target")[7:19]
        rows.insert(0, Effect("image of the container", wanted, container.image[7:19] if container else "no container"))
        rows.append(Effect("container made anew", "yes", "yes" if fresh else "no"))
    return rows


def undo_effects(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the host is back where it was before the rollback."""
    found = yield {"container": docker.container(stack.compose_directory, stack.section(NAME).service)}
    container: docker.Container | None = found["container"]
    return [
        Effect("image of the container", plan.before["image"][7:19], container.image[7:19] if container else ""),
        Effect("name it was started by", plan.before["named"], container.image_name if container else ""),
    ]


def assumed(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the host is as the plan assumed. The file that holds the choice is looked at as it is kept."""
    container: docker.Container | None = (yield {"container": docker.container(stack.compose_directory, stack.section(NAME).service)})[
        "container"
    ]
    return [Effect("container", plan.before["container"][:12], container.id[:12] if container else "")]


def _pin(now: State, row: Candidate) -> str | None:
    """What the variable of the compose files must hold; None where they have none."""
    if now.variable is None:
        return None
    return f"{row.tag}@{row.digest}" if row.digest else row.tag


def _pinned(now: State, pin: str) -> Reference:
    return Reference.parse(f"{now.named.name}:{pin}")


def _settled(now: State, pin: str | None) -> bool:
    return pin is not None and now.named == _pinned(now, pin)


def _pull(now: State, row: Candidate, kept: str) -> Step:
    title, why = "Fetch the target's image", "Before anything stops: an image that cannot be had ends the run here."
    if row.digest and all(image.digest != row.digest for image in now.local):
        pinned = f"{now.named.name}@{row.digest}"
        commands = (Command.of("docker", "pull", "--quiet", pinned), Command.of("docker", "tag", pinned, kept))
        return Step("pull", title, why, commands, deadline=PULL_DEADLINE)
    # Naming it proves that it is there; a tag of ours keeps it from a clean-up.
    return Step("pull", "Keep the target's image, which the host has", why, (Command.of("docker", "tag", row.image or "", kept),))


def _choose(now: State, row: Candidate, pin: str | None, incident: str, settled: bool) -> Step:
    title = "Write the choice down"
    if settled:
        return Step("choose", title, "So that the next `up` keeps it.", skip="the compose files name the target already")
    local = () if row.digest else (Command.of("docker", "tag", row.image or "", f"{now.named.name}:{row.tag}"),)
    if pin is None:
        why = f"The compose files name {now.named} and no variable: that tag means the target on this host, until the next pull."
        retag = Command.of("docker", "tag", row.image or f"{now.named.name}@{row.digest}", str(now.named))
        return Step("choose", title, why, (retag,), touches=True)
    file = now.compose.variables
    why = f"{now.variable} in {file}, which compose reads: the next `up`, or `pull` and `up`, keeps the target."
    old = now.variables.content.reveal() if now.variables else b""
    source = keeping.before(now.stack, incident, place.KEPT)
    pieces = edit.changed(source, old, {now.variable or "": [edit.Text(f"{now.variable}={pin}\n")]})
    commands = place.put(now.stack, incident, now.variables, file, pieces)
    return Step("choose", title, why, (*local, *commands), touches=True)


def _remember(now: State, row: Candidate, kept: str, incident: str) -> Step:
    service = now.stack.section(NAME).service
    ledger = f"{now.stack.state}/{releases.FILE}"
    commands = [releases.enter(ledger, service, row.commit.sha if row.commit else "", kept, healthy=True, incident=incident)]
    if now.container and now.container.image != row.image:
        commands.insert(0, releases.enter(ledger, service, now.running or "", now.container.image, healthy=False, incident=incident))
    return Step("remember", "Enter the outcome in the ledger of releases", keeping.REMEMBER, tuple(commands))


def _undo(now: State, before: str, incident: str, *, written: bool) -> tuple[Step, ...]:
    file = now.compose.variables
    steps = []
    if written:
        back = place.put_back(now.stack, incident, now.variables, file)
        steps.append(Step("undo_choose", "Put the choice back", f"{file} as it was.", back, touches=True))
    if now.container:
        name = now.container.image_name
        tag = () if Reference.parse(name).digest else (Command.of("docker", "tag", before, name),)
        up = now.container.compose.up(now.container.service)
        steps.append(Step("undo_recreate", "Start the image that ran before", "It was kept under a tag of ours.", (*tag, up), touches=True))
    return tuple(steps)


def _cleanup(now: State, before: str, incident: str) -> tuple[Command, ...]:
    untag = (Command.of("docker", "image", "rm", before),) if now.container else ()
    return (*untag, Command.of("rm", "-f", keeping.before(now.stack, incident, place.KEPT)))


def _rows(now: State, target: Target) -> tuple[tuple[str, str], ...]:
    row = target.candidate
    subject = f" {row.commit.subject} ({row.commit.author}, {row.commit.when:%Y-%m-%d %H:%M} UTC)" if row.commit else ""
    runs = f"{now.container.image_name}, image {now.container.image[7:19]}" if now.container else "no container"
    return (
        ("host", now.stack.host),
        ("service", now.stack.section(NAME).service),
        ("runs now", runs + (f", commit {now.running[:7]}" if now.running else "")),
        ("target", f"{row.tag}{subject}"),
        ("digest", row.digest or "none: it was built on this host and never came from a registry"),
        ("known of it", row.verdict or "nothing yet: it was never verified here by us"),
        ("where it is", "on the host" if row.image else "in the registry; pulled before anything stops"),
        ("compose files", ", ".join(now.compose.files)),
    )


def _notes(now: State, row: Candidate, pin: str | None) -> tuple[str, ...]:
    notes = []
    if pin:
        file = now.compose.variables
        notes.append(f"{now.variable} in {file} names this image until someone changes it: a deploy of a newer one has to change it, too.")
    else:
        notes.append(f"The compose files have no variable for the tag: the next `pull` brings back what the registry has as {now.named}.")
    if isinstance(now.tags, registry.Unavailable):
        notes.append(f"The registry does not answer ({now.tags.why}): only images on the host can be started.")
    if now.container and now.container.compose.files != now.compose.files:
        before = ", ".join(now.container.compose.files)
        notes.append(f"The container was started with {before}; from now on with the files above, which take its image from the registry.")
    notes.append("The tree is not touched: a rebuild on the host would bring back the code that is checked out there.")
    return tuple(notes)
