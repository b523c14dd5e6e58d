"""The target of an image rollback: the image to go back to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rollback_lib.commands.image import DIGEST, TAG
from rollback_lib.errors import TargetRefused
from rollback_lib.facts import registry
from rollback_lib.facts.host import Host
from rollback_lib.facts.releases import Release
from rollback_lib.facts.stores import Held
from rollback_lib.procedures.common import fitting
from rollback_lib.procedures.common.chosen import chosen
from rollback_lib.procedures.image.state import NAME, SHA, Candidate, State, candidates
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

TARGET = re.compile(f"{TAG.pattern}|{DIGEST.pattern}")


@dataclass(frozen=True)
class Target:
    """The chosen image, and why it was chosen. `files` are those of a store that the service has mounted, by its name."""

    candidate: Candidate
    why: str
    files: Mapping[str, Held] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.candidate.tag} {self.candidate.digest or ''}".strip()


def check(stack: Stack, target: object = "", service: object = "") -> None:
    """Check the parameter before anything is contacted. Raises ParameterError."""
    chosen("service", service, stack.section(NAME).names)
    check_target(target, TARGET, "a tag, a commit or a digest (sha256:…)")


def choose(now: State, target: str) -> tuple[Candidate, str]:
    """The image to go back to, and why. `target` is a tag, commit or digest. If it is empty, this is the image of the newest other release
    that was healthy here, or else the newest image of an earlier commit. Raises TargetRefused if there is neither."""
    rows = candidates(now)
    if target:
        found = [row for row in rows if target in (row.tag, row.digest)] or [
            row for row in rows if len(target) >= 4 and SHA.fullmatch(row.tag) and row.tag.startswith(target)
        ]
        if len(found) == 1:
            return found[0], "named as the target"
        if len(found) > 1:
            raise TargetRefused(f"{target!r} names more than one image of {now.named.name}; give more of the commit's id")
        raise TargetRefused(f"{target!r} names no image of {now.named.name}, {_where(now)}; take one from the list of candidates")
    others = [row for row in rows if not (row.running or row.verdict.startswith("bad") or _runs(now, row))]
    for release in reversed(now.releases):
        for row in others:
            if release.healthy and _is(row, release):
                return row, f"the newest release that was healthy here ({times.minute(release.when)})"
    runs = next((commit for commit in now.log if commit.sha == now.running), None)
    for row in others:
        if row.commit and SHA.fullmatch(row.tag) and (runs is None or row.commit.when < runs.when):
            return row, "the newest image of a commit before the one that runs"
    made = next((row.when for row in rows if row.running), None)
    for row in others:
        if row.image and not any(one.commit for one in rows) and row.when and made and row.when < made:
            return row, "the newest image on the host that was made before the one that runs; nothing tells of which commits they are"
    raise TargetRefused(
        f"no target was named, and no image of an earlier commit of {now.named.name} was found, {_where(now)}; name one: target=TAG"
    )


def _runs(now: State, row: Candidate) -> bool:
    """Whether an image was made from the commit that runs."""
    return row.commit is not None and row.commit.sha == now.running


def _is(row: Candidate, release: Release) -> bool:
    """Whether an image belongs to a release: it was made from its commit; or, if that is not known, it is the same image."""
    return row.commit.sha == release.commit if row.commit and release.commit else bool(row.image) and row.image == release.image


def examine(host: Host, now: State, target: str) -> Target:
    """Choose the image. A tag that was not looked up before is asked for by its name. Raises TargetRefused, also if the image cannot read
    the files of the service."""
    check(now.stack, target, now.service)
    try:
        candidate, why = choose(now, target)
    except TargetRefused:
        if not target or DIGEST.fullmatch(target) or target in now.tagged:
            raise
        tagged = host.ask(registry.manifests(now.named, [target])).result()
        if target not in tagged:
            raise
        candidate, why = choose(replace(now, tagged={**now.tagged, **tagged}), target)
    return proven(host, now, candidate, why)


def proven(host: Host, now: State, row: Candidate, why: str) -> Target:
    """The image as the target. Raises TargetRefused if it cannot read the files of the service, as far as that is known before it is on
    the host."""
    files = fitting.files(host, [now.container])
    fitting.refuse(host, files, {now.service: fitting.Start(row.image or "", f"{now.named.name}:{row.tag}")})
    return Target(row, why, files)


def _where(now: State) -> str:
    if isinstance(now.tags, registry.Unavailable):
        return f"on the host (the registry does not answer: {now.tags.why})"
    return "in the registry or on the host"
