"""Code rollback: the tree back to a commit, the service's image of that commit, a new container of it."""

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rollback_lib.command import Command
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import docker, git, releases
from rollback_lib.facts.fact import Fact
from rollback_lib.health import Probe
from rollback_lib.plan import Effect, Plan, Step
from rollback_lib.stack import Stack

NAME = "code"
BUILD_DEADLINE = 900.0  # seconds
REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,199}")
DIRTY = ("refuse", "save")


@dataclass(frozen=True)
class State:
    """What is true of the deployed code; `running` is the commit the container was made of, `by` how we know."""

    stack: Stack
    head: git.Head
    log: list[git.Commit]
    reflog: list[git.Move]
    container: docker.Container | None
    kept: list[docker.Image]
    releases: list[releases.Release]
    compose: str
    lines: list[str]
    probes: tuple[Probe, ...]

    @property
    def running(self) -> str | None:
        return self._running()[0]

    @property
    def by(self) -> str:
        return self._running()[1]

    def _running(self) -> tuple[str | None, str]:
        if self.container is None:
            return None, "no container"
        for release in reversed(self.releases):
            if release.image == self.container.image:
                return release.commit, "ledger of releases"
        for image in self.kept:
            if image.id == self.container.image and len(image.tag) == 40:
                return image.tag, "image kept by us"
        if self.container.revision:
            return self.container.revision, "image label"
        for move in self.reflog:
            if move.when <= self.container.created:
                return move.commit.sha, "reflog at the container's creation"
        return None, "not known"

    def kept_image(self, sha: str) -> docker.Image | None:
        return next((image for image in self.kept if image.tag == sha), None)


@dataclass(frozen=True)
class Candidate:
    """A commit to go back to, and what speaks for it. `deployed` is when it last arrived on this host."""

    commit: git.Commit
    deployed: datetime | None
    verdict: str
    kept: bool
    running: bool
    head: bool


class Candidates(tuple[Candidate, ...]):
    """What there is to choose from, newest on this host first."""


@dataclass(frozen=True)
class Target:
    """The chosen commit as git on the host knows it, and why it was chosen; `changes` lead from HEAD to it."""

    commit: git.Commit
    why: str
    changes: list[git.Change]
    diff: str
    in_the_way: list[str]


def facts(stack: Stack) -> dict[str, Fact[Any]]:
    """What `State` is made of."""
    return {
        "compose": docker.compose(),
        "head": git.head(stack.tree),
        "log": git.log(stack.tree),
        "reflog": git.reflog(stack.tree),
        "container": docker.container(stack.compose_directory, stack.code.service),
        "kept": docker.images(stack.kept_repository),
        "releases": releases.releases(stack.state, stack.code.service),
        "lines": docker.service_lines(stack.compose_directory, stack.code.service),
    }


def state(stack: Stack, found: Mapping[str, Any], probes: tuple[Probe, ...]) -> State:
    """`State` of the answers to `facts` and one probe per route."""
    return State(stack=stack, probes=probes, **found)


def check(target: object = "", dirty: object = "refuse") -> str:
    """The target as text, checked before anything is contacted. Raises ParameterError."""
    if not isinstance(target, str):
        raise ParameterError(f"target: a text is expected, but the number {target!r} arrived; give it with `-r target …` or in quotes")
    if target and not REVISION.fullmatch(target):
        raise ParameterError(f"target: a commit, tag or branch is expected, not {target[:60]!r}; take one from the list of candidates")
    if dirty not in DIRTY:
        raise ParameterError(f"dirty: one of {', '.join(DIRTY)} is expected, not {dirty!r}")
    return target


def candidates(now: State) -> Candidates:
    """Commits of the history and those that were deployed here, newest first."""
    deployed: dict[str, datetime] = {}
    commits = {commit.sha: commit for commit in now.log}
    for move in now.reflog:
        deployed.setdefault(move.commit.sha, move.when)
        commits.setdefault(move.commit.sha, move.commit)
    verdicts = {release.commit: "healthy here" if release.healthy else f"bad ({release.incident})" for release in now.releases}
    order = sorted(commits.values(), key=lambda commit: (deployed.get(commit.sha, commit.when), commit.when), reverse=True)
    return Candidates(
        Candidate(
            commit=commit,
            deployed=deployed.get(commit.sha),
            verdict=verdicts.get(commit.sha, ""),
            kept=now.kept_image(commit.sha) is not None,
            running=commit.sha == now.running,
            head=commit.sha == now.head.sha,
        )
        for commit in order
    )


def choose(now: State, target: str) -> tuple[str, str]:
    """The revision to go back to, and why: `target` as named, else the commit that the most speaks for.

    Raises TargetRefused when none was named and nothing speaks for any.
    """
    if target:
        return target, "named as the target"
    bad = {release.commit for release in now.releases if not release.healthy} - {
        release.commit for release in now.releases if release.healthy
    }
    for release in reversed(now.releases):
        if release.healthy and release.commit != (now.running or now.head.sha) and release.commit not in bad:
            return release.commit, f"the newest release that was healthy here ({release.when:%Y-%m-%d %H:%M} UTC)"
    running = now.running or now.head.sha
    arrived = [move for move in now.reflog if now.container is None or move.when <= now.container.created]
    for move in arrived:
        if move.commit.sha != running and move.commit.sha not in bad:
            return move.commit.sha, f"what was deployed here before ({move.when:%Y-%m-%d %H:%M} UTC, by the reflog)"
    raise TargetRefused(
        "no target was named, and neither the ledger nor the reflog of the host knows an earlier release; name a commit: target=SHA"
    )


def resolve(stack: Stack, revision: str) -> Fact[git.Commit]:
    """The one commit that `revision` names on the host."""
    return git.resolve(stack.tree, revision)


def target_facts(stack: Stack, now: State, sha: str) -> dict[str, Fact[Any]]:
    """What `Target` is made of, besides its commit."""
    return {
        "changes": git.changes(stack.tree, now.head.sha, sha),
        "diff": git.diff(stack.tree, now.head.sha, sha),
        "in_the_way": git.in_the_way(stack.tree, now.head.sha, sha),
    }


def plan(now: State, target: Target, *, incident: str, dirty: str = "refuse") -> Plan:
    """How to get from `now` to `target`. Raises Refused for a tree whose changes would be lost."""
    check(dirty=dirty)
    stack, sha = now.stack, target.commit.sha
    _refuse_losses(now, target, dirty)
    current = now.running == sha and now.head.sha == sha and not now.head.dirty
    up = now.container is not None and now.container.state == "running"
    before = stack.kept_image(f"before-{incident}")
    steps = (
        _keep(now, before),
        _build(now, sha),
        _restore_tree(now, sha, incident),
        _recreate(now, stack.kept_image(sha)),
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
        },
    )  # fmt: skip


def effect_facts(stack: Stack, plan: Plan) -> dict[str, Fact[Any]]:
    """What is asked after a rollback, and after its undo."""
    return {
        "head": git.head(stack.tree),
        "container": docker.container(stack.compose_directory, stack.code.service),
        "kept": docker.images(stack.kept_repository),
    }


def effects(plan: Plan, found: Mapping[str, Any]) -> list[Effect]:
    """Whether the rollback has the effect that was asked for."""
    container: docker.Container | None = found["container"]
    image = next((image.id for image in found["kept"] if image.tag == plan.target), "no image of the target")
    fresh = container is not None and (plan.nothing_to_do or container.id != plan.before["container"])
    rows = [
        Effect("commit of the tree", plan.target[:12], found["head"].sha[:12]),
        Effect("tree equal to it", "every path", _equality(plan.target, found["head"])),
        Effect("state of the container", "running", container.state if container else "no container"),
    ]
    if not plan.nothing_to_do:
        rows.append(Effect("image of the container", image[7:19], container.image[7:19] if container else "no container"))
        rows.append(Effect("container made anew", "yes", "yes" if fresh else "no"))
    return rows


def undo_effects(plan: Plan, found: Mapping[str, Any]) -> list[Effect]:
    """Whether the host is back where it was before the rollback."""
    container: docker.Container | None = found["container"]
    return [
        Effect("commit of the tree", plan.before["head"][:12], found["head"].sha[:12]),
        Effect("branch", plan.before["branch"] or "(detached)", found["head"].branch or "(detached)"),
        Effect("image of the container", plan.before["image"][7:19], container.image[7:19] if container else ""),
    ]


def _equality(sha: str, head: git.Head) -> str:
    if head.sha != sha:
        return f"at {head.sha[:12]}"
    return f"not {_some(head.dirty)}" if head.dirty else "every path"


def _refuse_losses(now: State, target: Target, dirty: str) -> None:
    if now.head.dirty and dirty == "refuse":
        raise Refused(
            f"{now.stack.tree} has changes that are in no commit ({_some(now.head.dirty)}), and a rollback would overwrite them; "
            "commit them there, or run with dirty=save to have them kept in a git stash"
        )
    if target.in_the_way:
        raise Refused(
            f"files that git does not know stand where the target has files of its own ({_some(target.in_the_way)}); "
            f"move them away in {now.stack.tree}"
        )


def _keep(now: State, before: str) -> Step:
    container = now.container
    make = (Command.of("mkdir", "-p", "-m", "700", now.stack.state, f"{now.stack.state}/before", f"{now.stack.state}/build"),)
    tag = (Command.of("docker", "tag", container.image, before),) if container else ()
    return Step("keep", "Keep the image that runs now", "Undo starts it again, whatever happens to its usual tag.", make + tag)


def _build(now: State, sha: str) -> Step:
    stack, image = now.stack, now.stack.kept_image(sha)
    why = "Built from an export of the commit, so that a build that fails leaves tree, tag and container alone."
    if now.kept_image(sha):
        return Step("build", "Build the target's image", why, skip=f"{image} is kept on the host")
    folder = _build_folder(now, sha)
    override = json.dumps({"services": {stack.code.service: {"image": image}}})
    beside = [path for path in (*stack.code.env_files, f"{stack.compose_directory}/.env") if path.startswith(stack.tree + "/")]
    commands = [
        Command.of("rm", "-rf", folder),
        Command.of("mkdir", "-m", "700", folder),
        # The modes a checkout would give: otherwise the build cache would not know the files again.
        _git(stack, "-c", "tar.umask=0022", "archive", sha).pipe("tar", "-x", "-C", folder),
        *(Command.of("ln", "-sf", path, folder + path.removeprefix(stack.tree)) for path in dict.fromkeys(beside)),
        Command.of("printf", "%s\\n", override).to(f"{folder}.json"),
        _compose(now, "-f", f"{folder}.json", "build", stack.code.service, exported=folder),
        Command.of("rm", "-rf", folder, f"{folder}.json"),
    ]
    return Step("build", "Build the target's image", why, tuple(commands), deadline=BUILD_DEADLINE)


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
    up = _compose(now, "up", "--detach", "--no-deps", "--no-build", "--force-recreate", service)
    return Step(
        "recreate", f"Make a new container of {service}",
        "The tag compose knows names the target's image from now on, so that the next `up` keeps it.",
        (Command.of("docker", "tag", image, _image_name(now)), up), touches=True,
    )  # fmt: skip


def _remember(now: State, sha: str, incident: str) -> Step:
    why = "The next rollback knows from it what was healthy here, and what was not."
    ledger = f"{now.stack.state}/{releases.FILE}"
    good = releases.enter(ledger, now.stack.code.service, sha, now.stack.kept_image(sha), healthy=True, incident=incident)
    if now.running is None or now.running == sha or now.container is None:
        return Step("remember", "Enter the outcome in the ledger of releases", why, (good,))
    bad = releases.enter(ledger, now.stack.code.service, now.running, now.container.image, healthy=False, incident=incident)
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
            lines.append(f"{word} ({len(paths)}): {_some(paths, 8)}")
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
        notes.append(f"Changes in no commit ({_some(now.head.dirty)}) are kept as the git stash “rollback {incident}”.")
    if any(posixpath.basename(change.path).startswith("Caddyfile") for change in target.changes):
        notes.append("The Caddyfile is another one at the target: Caddy goes on with what it has loaded until it is reloaded.")
    if now.container and now.container.state != "running":
        notes.append(f"The container is {now.container.state} now; undo would start it.")
    if now.container is None:
        notes.append(f"There is no container of {now.stack.code.service} now, so undo brings back the tree only.")
    return tuple(notes)


def _git(stack: Stack, *words: str) -> Command:
    return Command.of("git", "-C", stack.tree, *words)


def _compose(now: State, *words: str, exported: str | None = None) -> Command:
    """docker compose as the live container was started: its directory, files and project; `exported`: in that copy of the tree."""

    def moved(path: str) -> str:
        inside = exported is not None and (path + "/").startswith(now.stack.tree + "/")
        return exported + path.removeprefix(now.stack.tree) if inside and exported is not None else path

    files = now.container.files if now.container else (f"{now.stack.compose_directory}/docker-compose.yml",)
    project = ["-p", now.container.project] if now.container else []
    named = [word for file in files for word in ("-f", moved(file))]
    return Command.of("env", "-C", moved(now.stack.compose_directory), "docker", "compose", *project, *named, *words)


def _image_name(now: State) -> str:
    if now.container:
        return now.container.image_name
    return f"{posixpath.basename(now.stack.compose_directory)}-{now.stack.code.service}"


def _build_folder(now: State, sha: str) -> str:
    return f"{now.stack.state}/build/{sha[:12]}"


def _stash_file(now: State, incident: str) -> str:
    return f"{now.stack.state}/before/{incident}.stash"


def _some(names: "tuple[str, ...] | list[str]", most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
