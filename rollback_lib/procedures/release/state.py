"""The state of a release rollback: what runs now, and the releases that were healthy here."""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from rollback_lib.errors import Refused
from rollback_lib.facts import docker, files, networks, releases, whole_release
from rollback_lib.facts.host import Answer, Host, Unanswered
from rollback_lib.facts.whole_release import Data, KeptFile, Ran, WholeRelease
from rollback_lib.health.probe import Probe
from rollback_lib.plan.plan import some
from rollback_lib.procedures import caddyfile, code, database, env, image
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.env.state import lines_of
from rollback_lib.procedures.release.databases import asked
from rollback_lib.procedures.release.dimensions import Difference, Dimension, Kind, different
from rollback_lib.stack.model import Stack

T = TypeVar("T")
NAME = "release"
SHOWN = 12  # how many releases are shown


@dataclass(frozen=True)
class State:
    """What runs, and the releases to choose from, newest first. `present` is what runs as if it were a release. `bad` are the commits that
    were found bad. `code`, `envs`, `images` and `caddy` are the states of the procedures of which this one is made. `copies` are the kept
    versions of the files, by their paths on the host. `databases` are the states of those that were asked for, by name."""

    stack: Stack
    releases: tuple[WholeRelease, ...]
    present: WholeRelease
    bad: frozenset[str]
    containers: tuple[docker.Container, ...]
    code: code.State | None
    envs: Mapping[str, env.State]
    images: Mapping[str, image.State]
    caddy: caddyfile.State | None
    copies: Mapping[str, bytes]
    attachments: networks.Attachments
    databases: Mapping[str, database.State] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()

    def of(self, service: str) -> list[docker.Container]:
        """The containers of a service."""
        return [one for one in self.containers if one.service == service]

    def content(self, path: str) -> bytes:
        """The present content of an env file or of the Caddyfile; empty if there is none."""
        if path in self.envs:
            return self.envs[path].content
        return self.caddy.current if self.caddy else b""


@dataclass(frozen=True)
class Candidate:
    """A release to go back to, with its differences from now. `bad`: it was found bad since."""

    release: WholeRelease
    bad: bool
    differences: tuple[Difference, ...]

    @property
    def current(self) -> bool:
        """Whether a rollback to it would change nothing."""
        return not any(one.restored for one in self.differences)


class Candidates(tuple[Candidate, ...]):
    """The releases that were healthy here, newest first. `present` is what runs now."""

    present: WholeRelease

    @classmethod
    def of(cls, found: Sequence[Candidate], present: WholeRelease) -> "Candidates":
        """These candidates."""
        made = cls(found)
        made.present = present
        return made


def document(host: Host, stack: Stack, databases: str = "") -> State:
    """Ask the host for the releases, and for everything of which they are made; of databases only for those in the list `databases`.
    Raises Refused if a part of it cannot be looked at."""
    entered, ledger, project = (
        host.ask(whole_release.whole_releases(stack.state)), host.ask(releases.releases(stack.state)), host.ask(docker.project(stack)),
    )  # fmt: skip
    attached, schemas = host.ask(networks.attachments()), {one.name: host.ask(whole_release.schema(one)) for one in stack.databases}
    of_code = host.beside(code.document, stack) if stack.code else None
    envs = {path: host.beside(env.document, stack, file=path) for path in (stack.env.paths if stack.env else ())}
    caddy = host.beside(caddyfile.document, stack) if stack.caddyfile else None
    of_databases = {name: host.beside(database.document, stack, database=name) for name in asked(databases)}
    kept = host.ask(snapshots.versions(stack, caddyfile.NAME)) if stack.caddyfile else None
    containers, known = project.result(), _known(entered.result(), ledger.result())
    defining = sorted({path for one in containers for path in one.compose.files})
    compose_files = {path: host.ask(files.file(path)) for path in defining}
    images = {name: host.beside(image.document, stack, service=name) for name in _from_registry(stack, containers, known)}
    env_states = {path: _whole(answer) for path, answer in envs.items()}
    code_state, caddy_state = (_whole(of_code) if of_code else None), (_whole(caddy) if caddy else None)
    copies = {version.file.path: version.file.content.reveal() for one in env_states.values() for version in one.versions}
    copies |= {version.file.path: version.file.content.reveal() for version in (kept.result() if kept else ())}
    there = {path: state.content for path, state in env_states.items()}
    there |= {stack.caddyfile.file: caddy_state.current} if stack.caddyfile and caddy_state else {}
    there |= {path: file.content.reveal() for path, answer in compose_files.items() if (file := answer.result())}
    data = {name: Data(answer.result() or "", "") for name, answer in schemas.items()}
    head = code_state.head if code_state else None
    own = {stack.in_tree(path) for path in (*env_states, *([stack.caddyfile.file] if stack.caddyfile else []))}
    present = WholeRelease(
        datetime.now(UTC), "", "", head.sha if head else "", bool(head and set(head.dirty) - own), _running(containers, attached.result()),
        {path: KeptFile(path, _hash(content), "") for path, content in there.items()}, data,
    )  # fmt: skip
    return State(
        stack=stack, releases=tuple(_with_files(one, copies, stack) for one in known), present=present,
        bad=frozenset(releases.found_bad(ledger.result())), containers=tuple(containers), code=code_state, envs=env_states,
        images={name: _whole(answer) for name, answer in images.items()}, caddy=caddy_state, copies=copies,
        attachments=attached.result(), databases={name: _whole(answer) for name, answer in of_databases.items()},
    )  # fmt: skip


def candidates(now: State) -> Candidates:
    """The releases, each with its differences from now."""
    found = [Candidate(one, one.commit in now.bad, tuple(differences(now, one))) for one in now.releases[:SHOWN]]
    return Candidates.of(found, now.present)


def differences(now: State, release: WholeRelease) -> list[Difference]:
    """The differences of a release from now, in words that show no values."""
    return [_difference(now, release, one) for one in different(release, now.present)]


def _difference(now: State, release: WholeRelease, one: Dimension) -> Difference:
    then, here = release, now.present
    if one.kind is Kind.COMMIT:  # uncommitted changes that there were then are kept nowhere
        back = now.code is not None and (then.commit != here.commit or not then.changed)
        return Difference(one, _commit(now, then), _commit(now, here), restored=back)
    if one.kind is Kind.IMAGE:
        return Difference(one, then.services[one.of].image[7:19], here.services[one.of].image[7:19], restored=True)
    if one.kind is Kind.NETWORKS:
        old, new = then.services[one.of].networks, here.services[one.of].networks
        return Difference(one, some(sorted(old - new)) or "fewer", some(sorted(new - old)) or "fewer")
    if one.kind is Kind.SCHEMA:
        return Difference(one, "other tables or columns than now", "", restored=one.of in now.databases)
    own = {*now.envs, *([now.stack.caddyfile.file] if now.stack.caddyfile else [])}
    back = one.of in own or (now.code is not None and now.stack.in_tree(one.of) is not None)
    return Difference(one, _change_of_file(now, release, one.of), "", restored=back)


def _change_of_file(now: State, release: WholeRelease, path: str) -> str:
    """What a file becomes with a release: the names of variables for an env file, else numbers of lines."""
    content = now.copies.get((release.files or {})[path].kept)
    if content is None:
        return "another version"
    if path in now.envs:
        old, new = lines_of(content), lines_of(now.envs[path].content)
        differ = {
            "other values of": [key for key in old if key in new and old[key] != new[key]],
            "again with": [key for key in old if key not in new],
            "without": [key for key in new if key not in old],
        }
        said = [f"{how} {some(keys)}" for how, keys in differ.items() if keys]
        return "; ".join(said) or "the same variables, written in another way"
    lines = list(difflib.ndiff(_lines(now.content(path)), _lines(content)))
    return f"+{sum(line.startswith('+ ') for line in lines)} −{sum(line.startswith('- ') for line in lines)} lines"


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines()


def _commit(now: State, release: WholeRelease) -> str:
    commits = [*now.code.log, *(move.commit for move in now.code.reflog)] if now.code else []
    subject = next((f" {one.subject}" for one in commits if one.sha == release.commit), "")
    return f"{release.commit[:7]}{subject}{', with uncommitted changes' if release.changed else ''}"


def _known(entered: list[whole_release.WholeRelease], ledger: list[releases.Release]) -> list[WholeRelease]:
    """The releases, newest first: those that were entered whole, and those of which only the services were."""
    found = {one.incident: one for one in entered}
    for line in ledger:
        if line.healthy and line.incident not in {one.incident for one in entered}:
            before = found.get(line.incident, WholeRelease(line.when, line.incident, "", line.commit))
            ran = {line.service: Ran(line.image, "", line.compose)} if line.image and line.compose else {}
            found[line.incident] = replace(before, services={**before.services, **ran})
    return sorted(found.values(), key=lambda one: one.when, reverse=True)


def _with_files(release: WholeRelease, copies: Mapping[str, bytes], stack: Stack) -> WholeRelease:
    """A release of which no files were entered, with those that the same run kept."""
    if release.files is not None:
        return release
    paths = {env.kept(stack, path): path for path in (stack.env.paths if stack.env else ())}
    paths |= {caddyfile.NAME: stack.caddyfile.file} if stack.caddyfile else {}
    named = ((path, snapshots.kept_file(stack, name, release.incident, good=True)) for name, path in paths.items())
    found = {path: KeptFile(path, _hash(copies[kept]), kept) for path, kept in named if kept in copies}
    return replace(release, files=found or None)


def _from_registry(stack: Stack, containers: Sequence[docker.Container], known: Sequence[WholeRelease]) -> list[str]:
    """The services whose image comes from a registry, now or in a release."""
    section = stack.image
    if section is None:
        return []
    started = [(one.service, one.compose.files) for one in containers]
    started += [(name, ran.compose.files) for release in known for name, ran in release.services.items()]
    return [name for name in section.names if any(name == service and section.started(name, called) for service, called in started)]


def _running(containers: Sequence[docker.Container], attached: networks.Attachments) -> dict[str, Ran]:
    found = {}
    for service, mine in docker.by_service(containers).items():
        newest = docker.newest(mine)
        assert newest
        on = frozenset(network for one in mine for network in attached.of(one.name))
        found[service] = Ran(newest.image, newest.image_name, newest.compose, on, docker.count(mine))
    return found


def _whole(answer: Answer[T | Unanswered]) -> T:
    found = answer.result()
    if isinstance(found, Unanswered):
        raise Refused(found.why)
    return found


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
