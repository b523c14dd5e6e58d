"""How to put tree, image and container on the target, and whether they are there."""

import json
import posixpath
from dataclasses import replace
from typing import Any

from rollback_lib.command import Command
from rollback_lib.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import docker, git, releases
from rollback_lib.facts.fact import Dialogue, Fact
from rollback_lib.plan import Effect, Plan, Step, some
from rollback_lib.procedures import keeping
from rollback_lib.procedures.code.grounds import grounds
from rollback_lib.procedures.code.state import NAME, State, candidates
from rollback_lib.procedures.code.target import Target, check
from rollback_lib.reference import Reference
from rollback_lib.stack import Stack

BUILD_DEADLINE = 900.0  # seconds


def plan(now: State, target: Target, *, incident: str, dirty: str = "refuse") -> Plan:
    """How to get from `now` to `target`. Raises Refused for a tree whose changes would be lost."""
    check(now.stack, dirty=dirty)
    stack, sha = now.stack, target.commit.sha
    _refuse_losses(now, target, dirty)
    current = now.running == sha and now.head.sha == sha and not now.head.dirty
    up = now.container is not None and now.container.state == "running"
    before = stack.kept_image(stack.code.service, f"before-{incident}")
    steps = (
        _keep(now, before),
        _build(now, sha),
        _restore_tree(now, sha, incident),
        _recreate(now, stack.kept_image(stack.code.service, sha)),
        _remember(now, sha, incident),
    )
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=sha,
        steps=tuple(replace(step, commands=(), skip="the target is what runs") for step in steps) if current and up else steps,
        undo=() if current and up else _undo(now, before, incident),
        cleanup=_cleanup(now, before, sha),
        removes=(now.container.name,) if now.container else (),
        grounds=grounds(now, target),
        facts=_rows(now, target),
        loses=_loses(target),
        notes=_notes(now, target, dirty, incident),
        diff=target.diff,
        nothing_to_do=current and up,
        before={
            "container": now.container.id if now.container else "",
            "image": now.container.image if now.container else "",
            "head": now.head.sha,
            "branch": now.head.branch or "",
            "changes": _changes(now.head),
        },
    )  # fmt: skip


def effects(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the rollback has the effect that was asked for."""
    found = yield _effect_facts(stack)
    container: docker.Container | None = found["container"]
    image = next((image.id for image in found["kept"] if image.tag == plan.target), "no image of the target")
    fresh = container is not None and (plan.nothing_to_do or container.id != plan.before["container"])
    rows = [
        Effect("commit of the tree", plan.target[:12], found["head"].sha[:12]),
        Effect("tree equal to it", "every path", _equality(plan.target, found["head"])),
        Effect("state of the container", "running", container.state if container else "no container", condition=True),
    ]
    if not plan.nothing_to_do:
        rows.append(Effect("image of the container", image[7:19], container.image[7:19] if container else "no container"))
        rows.append(Effect("container made anew", "yes", "yes" if fresh else "no"))
    return rows


def undo_effects(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the host is back where it was before the rollback."""
    found = yield _effect_facts(stack)
    container: docker.Container | None = found["container"]
    return [
        Effect("commit of the tree", plan.before["head"][:12], found["head"].sha[:12]),
        Effect("branch", plan.before["branch"] or "(detached)", found["head"].branch or "(detached)"),
        Effect("image of the container", plan.before["image"][7:19], container.image[7:19] if container else ""),
    ]


def assumed(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the host is as the plan assumed."""
    found = yield _effect_facts(stack)
    container: docker.Container | None = found["container"]
    return [
        Effect("commit of the tree", plan.before["head"][:12], found["head"].sha[:12]),
        Effect("branch", plan.before["branch"] or "(detached)", found["head"].branch or "(detached)"),
        Effect("changes in no commit", plan.before["changes"], _changes(found["head"])),
        Effect("container", plan.before["container"][:12], container.id[:12] if container else ""),
    ]


def _changes(head: git.Head) -> str:
    return some(sorted(head.dirty)) or "none"


def _effect_facts(stack: Stack) -> dict[str, Fact[Any]]:
    return {
        "head": git.head(stack.tree),
        "container": docker.container(stack.compose_directory, stack.code.service),
        "kept": docker.images(stack.kept_repository(stack.code.service)),
    }


def _equality(sha: str, head: git.Head) -> str:
    if head.sha != sha:
        return f"at {head.sha[:12]}"
    return f"not {some(head.dirty)}" if head.dirty else "every path"


def _refuse_losses(now: State, target: Target, dirty: str) -> None:
    if now.head.dirty and dirty == "refuse":
        raise Refused(
            f"{now.stack.tree} has changes that are in no commit ({some(now.head.dirty)}), and a rollback would overwrite them; "
            "commit them there, or run with dirty=save to have them kept in a git stash"
        )
    if now.container and Reference.parse(now.container.image_name).digest:
        raise Refused(
            f"{now.stack.code.service} runs an image of a registry, pinned to its digest ({now.container.image_name[:60]}…), "
            "which a rebuilt one cannot replace; use the image rollback"
        )
    if target.in_the_way:
        raise Refused(
            f"files that git does not know stand where the target has files of its own ({some(target.in_the_way)}); "
            f"move them away in {now.stack.tree}"
        )


def _keep(now: State, before: str) -> Step:
    container = now.container
    make = (keeping.folders(now.stack, "before", "build"),)
    tag = (Command.of("docker", "tag", container.image, before),) if container else ()
    return Step("keep", "Keep the image that runs now", "Undo starts it again, whatever happens to its usual tag.", make + tag)


def _build(now: State, sha: str) -> Step:
    image = now.stack.kept_image(now.stack.code.service, sha)
    why = "Built from an export of the commit, so that a build that fails leaves tree, tag and container alone."
    if now.kept_image(sha):
        return Step("build", "Build the target's image", why, skip=f"{image} is kept on the host")
    return Step("build", "Build the target's image", why, build(now, sha, image), deadline=BUILD_DEADLINE)


def build(now: State, sha: str, image: str) -> tuple[Command, ...]:
    """The commands that build a commit's image under that name, from an export of the commit."""
    stack = now.stack
    folder = _build_folder(now, sha)
    override = json.dumps({"services": {stack.code.service: {"image": image}}})
    beside = [path for path in (*stack.code.env_files, f"{stack.compose_directory}/.env") if path.startswith(stack.tree + "/")]
    return (
        Command.of("rm", "-rf", folder),
        Command.of("mkdir", "-m", "700", folder),
        # The modes a checkout would give: otherwise the build cache would not know the files again.
        _git(stack, "-c", "tar.umask=0022", "archive", sha).pipe("tar", "-x", "-C", folder),
        *(Command.of("ln", "-sf", path, folder + path.removeprefix(stack.tree)) for path in dict.fromkeys(beside)),
        Command.of("printf", "%s\\n", override).to(f"{folder}.json"),
        _compose(now).moved(stack.tree, folder).command("-f", f"{folder}.json", "build", stack.code.service),
        Command.of("rm", "-rf", folder, f"{folder}.json"),
    )


def _restore_tree(now: State, sha: str, incident: str) -> Step:
    title, why = "Put the tree on the target", "HEAD, index and files become the target's exactly; files it has not are removed."
    if now.head.sha == sha and not now.head.dirty:
        return Step("restore_tree", title, why, skip="the tree is at the target")
    save = (
        (
            _git(now.stack, "stash", "push", "--quiet", f"--message=rollback {incident}"),
            _git(now.stack, "rev-parse", "refs/stash").to(_stash_file(now, incident)),
        )
        if now.head.dirty
        else ()
    )
    checkout = _git(now.stack, "checkout", "--quiet", "--detach", "--no-overwrite-ignore", sha)
    return Step("restore_tree", title, why, (*save, checkout), touches=True)


def _recreate(now: State, image: str) -> Step:
    service = now.stack.code.service
    return Step(
        "recreate", f"Make a new container of {service}",
        "The tag compose knows names the target's image from now on, so that the next `up` keeps it.",
        (Command.of("docker", "tag", image, _image_name(now)), _compose(now).up(service)), touches=True,
    )  # fmt: skip


def _remember(now: State, sha: str, incident: str) -> Step:
    why = keeping.REMEMBER
    service = now.stack.code.service
    ledger = f"{now.stack.state}/{releases.FILE}"
    good = releases.enter(ledger, service, sha, now.stack.kept_image(service, sha), healthy=True, incident=incident)
    if now.running is None or now.running == sha or now.container is None:
        return Step("remember", "Enter the outcome in the ledger of releases", why, (good,))
    bad = releases.enter(ledger, service, now.running, now.container.image, healthy=False, incident=incident)
    return Step("remember", "Enter the outcome in the ledger of releases", why, (bad, good))


def _undo(now: State, before: str, incident: str) -> tuple[Step, ...]:
    back = [now.head.branch] if now.head.branch else ["--detach", now.head.sha]
    tree = [_git(now.stack, "checkout", "--quiet", *back, "--")]
    if now.head.dirty:
        stash = 'git -C "$1" stash apply --quiet --index "$(cat "$2")"'
        tree.append(Command.of("sh", "-c", stash, "sh", now.stack.tree, _stash_file(now, incident)))
    steps = [Step("undo_tree", "Put the tree back", "As it was before the rollback.", tuple(tree), touches=True)]
    if now.container:
        steps.append(
            Step(
                "undo_recreate",
                "Start the image that ran before",
                "It was kept under a tag of ours.",
                _recreate(now, before).commands,
                touches=True,
            )
        )
    return tuple(steps)


def _cleanup(now: State, before: str, sha: str) -> tuple[Command, ...]:
    folder = _build_folder(now, sha)
    untag = (Command.of("docker", "image", "rm", before),) if now.container else ()
    return (Command.of("rm", "-rf", folder, f"{folder}.json"), *untag)


def _rows(now: State, target: Target) -> tuple[tuple[str, str], ...]:
    running = f"{now.running[:7]} (by the {now.by})" if now.running else now.by
    verdicts = {candidate.commit.sha: candidate.verdict for candidate in candidates(now)}
    return (
        ("host", now.stack.host),
        ("service", now.stack.code.service),
        ("runs now", running),
        ("target", f"{target.commit.short} {target.commit.subject} ({target.commit.author}, {target.commit.when:%Y-%m-%d %H:%M} UTC)"),
        ("known of it", verdicts.get(target.commit.sha) or "nothing yet: it was never verified here by us"),
        ("image", "kept on the host, no build needed" if now.kept_image(target.commit.sha) else "to be built from the commit"),
    )


def _loses(target: Target) -> tuple[str, ...]:
    words = {"added": "restored", "deleted": "removed", "modified": "changed", "mode": "another mode only"}
    lines = []
    for kind, word in words.items():
        paths = [change.path for change in target.changes if change.kind == kind]
        if paths:
            lines.append(f"in the tree, {word} ({len(paths)}): {some(paths, 8)}")
    return tuple(lines)


def _notes(now: State, target: Target, dirty: str, incident: str) -> tuple[str, ...]:
    notes = []
    if now.head.branch and now.head.sha != target.commit.sha:
        notes.append(
            f"HEAD is detached at the target, and {now.head.branch} stays where it is: the next `git pull` on the host stops "
            f"with a message instead of bringing the bad commit back. "
            f"When the fix is on {now.head.branch}: `git switch {now.head.branch} && git pull`."
        )
    if now.head.dirty and dirty == "save":
        notes.append(f"Changes in no commit ({some(now.head.dirty)}) are kept as the git stash “rollback {incident}”.")
    if any(posixpath.basename(change.path).startswith("Caddyfile") for change in target.changes):
        notes.append("The Caddyfile is another one at the target: Caddy goes on with what it has loaded until it is reloaded.")
    if now.container and now.container.state != "running":
        notes.append(f"The container is {now.container.state} now; undo would start it.")
    if now.container is None:
        notes.append(f"There is no container of {now.stack.code.service} now, so undo brings back the tree only.")
    return tuple(notes)


def _git(stack: Stack, *words: str) -> Command:
    return Command.of("git", "-C", stack.tree, *words)


def _compose(now: State) -> Compose:
    directory = now.stack.compose_directory
    return now.container.compose if now.container else Compose(directory, (f"{directory}/docker-compose.yml",))


def _image_name(now: State) -> str:
    if now.container:
        return now.container.image_name
    return f"{posixpath.basename(now.stack.compose_directory)}-{now.stack.code.service}"


def _build_folder(now: State, sha: str) -> str:
    return f"{now.stack.state}/build/{sha[:12]}"


def _stash_file(now: State, incident: str) -> str:
    return keeping.before(now.stack, incident, "stash")
