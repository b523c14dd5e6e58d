"""The target of an env rollback: the new env file. It is put together here, and compose reads it before it is put in place."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rollback_lib.commands import env_file
from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import compose, files, secret_values
from rollback_lib.facts.host import Host
from rollback_lib.procedures.common import env_edit, fitting, snapshots
from rollback_lib.procedures.env.parameters import check, references, words
from rollback_lib.procedures.env.state import State, candidates, lines_of
from rollback_lib.secrets.secret import Key, Secret


@dataclass(frozen=True)
class Difference:
    """One variable, now and with the target. `asked` is False if the change was not asked for, but follows from another change in the
    file."""

    key: str
    old: Secret | None
    new: Secret | None
    asked: bool


@dataclass(frozen=True)
class Target:
    """The new file. `content` is made of `pieces`. `meant` is what compose would read from it, `differences` how that differs from now.
    `send` holds values that are not on the host yet, by variable; `read` are the files from which other values are taken. `key` makes
    the hashes that are shown instead of values."""

    name: str
    why: str
    content: Secret
    pieces: tuple[env_edit.Piece, ...]
    meant: dict[Compose, dict[str, compose.Meant]]
    differences: tuple[Difference, ...]
    send: dict[str, Secret]
    key: Key
    read: tuple[files.File, ...] = ()


@dataclass(frozen=True)
class _Given:
    """An assigned value. `source` is the path of the file that it comes from, or `env:NAME` for a value that has to be sent."""

    source: str
    value: Secret
    file: files.File | None = None


def choose(now: State, target: str) -> tuple[snapshots.Version, str]:
    """The kept version to go back to, and why. If `target` is empty, this is the newest different version that was healthy here, or else
    the newest different one. Raises TargetRefused if there is none."""
    if target:
        for version in now.versions:
            if target == version.name:
                return version, "named as the target"
        raise TargetRefused(f"no version {target!r} of {now.path} is kept; take one from the list of candidates")
    others = [row.version for row in candidates(now) if not (row.current or row.unclear or row.version.verdict.startswith("bad"))]
    for version in others:
        if version.verdict.startswith("healthy"):
            return version, "the newest version that was healthy here"
    if others:
        return others[0], "the newest version that is different"
    raise TargetRefused(
        f"no other version of {now.path} is kept that may be good; put a copy beside it, named {now.path}.good, name a version, "
        "or change single variables with assign and remove"
    )


def examine(host: Host, now: State, target: str, keys: str = "", assign: str = "", remove: str = "") -> Target:
    """Put the new file together, and let compose read it before it is put in place. Raises TargetRefused."""
    check(now.stack, target, keys, assign, remove, now.path)
    given = _given(host, now, references(assign))
    version: snapshots.Version | None = None
    why = "single variables of the file that is there"
    if target or keys or not (assign or remove):
        version, why = choose(now, target)
    pieces, content = _put_together(now, version, words(keys), given, words(remove))
    meant: dict[Compose, dict[str, compose.Meant]] = {}
    for way, written in now.written.items():
        readers = {name: one for name, one in written.items() if now.path in one.env_files}
        understood = host.ask(compose.meant_with(way, readers, now.path, content)).result()
        if isinstance(understood, compose.Unreadable):
            raise TargetRefused(f"compose cannot read the file as it would be ({understood.where}); choose another target")
        meant[way] = understood
    name = f"{keys} of {version.name}" if version and keys else version.name if version else "the file that is there, changed"
    send = {key: one.value for key, one in given.items() if one.source.startswith("env:")}
    made = Target(name, why, content, pieces, meant, (), send, now.key, tuple(one.file for one in given.values() if one.file))
    asked = {*words(keys), *given, *words(remove)} if keys or version is None else None
    _refuse_misread(now, made, given)
    _refuse_misfit(host, now, made)
    return replace(made, differences=_differences(now, made, asked))


def _given(host: Host, now: State, wanted: Mapping[str, str]) -> dict[str, _Given]:
    """The values to assign, by variable."""
    paths = {key: one.removeprefix("file:") for key, one in wanted.items() if one.startswith("file:")}
    here = {key: Secret(os.environ[one.removeprefix("env:")]) for key, one in wanted.items() if key not in paths}
    there = {key: host.ask(files.value(path)) for key, path in paths.items()}
    sent = {key: host.ask(secret_values.given(value)) for key, value in here.items()}
    given = {}
    for key, reference in wanted.items():
        if key in paths:
            file = there[key].result()
            if file is None or not file.regular:
                raise TargetRefused(f"assign: {key}: the host has no file {paths[key]}; put the value there first")
            given[key] = _Given(paths[key], file.content, file)
        else:
            given[key] = _Given(reference, sent[key].result())
        if not len(given[key].value) or b"\0" in given[key].value.reveal():
            raise TargetRefused(f"assign: {key}: the value is empty or has a NUL character; give one that an environment can hold")
    return given


def _put_together(
    now: State, version: snapshots.Version | None, keys: Sequence[str], given: Mapping[str, _Given], remove: Sequence[str],
) -> tuple[tuple[env_edit.Piece, ...], Secret]:  # fmt: skip
    """The pieces of the new file, and the bytes they make."""
    texts = {now.path: now.content, **{one.source: one.value.reveal() for one in given.values()}}
    changes: dict[str, list[env_edit.Piece]] = {key: [] for key in remove}
    base = now.path
    if version:
        texts[version.file.path] = version.file.content.reveal()
        if keys:
            changes |= _taken(version, keys)
        else:
            base = version.file.path
    if now.file is None and base == now.path:
        raise Refused(f"{now.path} is missing on the host; restore a whole version of it")
    changes |= {key: [env_edit.Value(key, one.source)] for key, one in given.items()}
    missing = [key for key in remove if key not in lines_of(texts[base])]
    if missing:
        raise TargetRefused(f"remove: {', '.join(missing)} is not in the file; there is nothing to remove")
    whole: list[env_edit.Piece] = [env_edit.Lines(base, 1, max(1, len(env_file.lines(texts[base]))))]
    pieces = env_edit.changed(base, texts[base], changes) if changes else whole
    return tuple(pieces), Secret(env_edit.content(pieces, texts))


def _taken(version: snapshots.Version, keys: Sequence[str]) -> dict[str, list[env_edit.Piece]]:
    """The lines of a version that assign these variables; no lines for a variable that it does not have."""
    text = version.file.content.reveal()
    last = {one.key: one for one in env_file.assignments(text)}
    ends = len(env_file.lines(text))
    taken: dict[str, list[env_edit.Piece]] = {key: [] for key in keys}
    for key in (key for key in keys if key in last):
        taken[key].append(env_edit.Lines(version.file.path, last[key].first, last[key].last))
        if last[key].last == ends and not text.endswith(b"\n"):
            taken[key].append(env_edit.Text("\n"))
    return taken


def _differences(now: State, target: Target, asked: set[str] | None) -> tuple[Difference, ...]:
    """The variables whose value changes for some service. If compose cannot read the present file, or no service reads it as an env
    file, the variables whose lines differ."""
    found: dict[str, Difference] = {}

    def compare(old: Mapping[str, Secret], new: Mapping[str, Secret]) -> None:
        for key in (*old, *(key for key in new if key not in old)):
            if old.get(key) != new.get(key):
                found.setdefault(key, Difference(key, old.get(key), new.get(key), asked is None or key in asked))

    for name in now.readers:
        before, after = now.understood(name), target.meant[now.containers[name].compose].get(name)
        if before and after:
            compare(before.environment, after.environment)
    if not found:
        compare(lines_of(now.content), lines_of(target.content.reveal()))
    return tuple(found.values())


def _refuse_misread(now: State, target: Target, given: Mapping[str, _Given]) -> None:
    """Raises TargetRefused if compose would give a service an assigned value in a changed form."""
    for key, one in given.items():
        wanted = Secret(one.value.reveal().removesuffix(b"\n"))
        for name in now.readers:
            if target.meant[now.containers[name].compose][name].environment.get(key) != wanted:
                raise TargetRefused(
                    f"compose would not give {name} the value of {key} exactly; see whether the compose files set it themselves"
                )


def _refuse_misfit(host: Host, now: State, target: Target) -> None:
    """Raises TargetRefused if a variable would start an image that cannot read the files of its service."""
    meant = {name: target.meant[now.containers[name].compose][name].image for name in to_recreate(now, target)}
    moved = {name: image for name, image in meant.items() if image and image != now.containers[name].image_name}
    starts = {name: fitting.Start(image, image) for name, image in moved.items()}
    fitting.refuse(host, fitting.files(host, [now.containers[name] for name in moved]), starts)


def to_recreate(now: State, target: Target) -> list[str]:
    """The services whose containers do not have the variables that the target gives them, or which it defines differently."""
    found = []
    for name, container in now.containers.items():
        after, before = target.meant[container.compose].get(name), now.understood(name)
        if after is None or not now.wanted(name) or name not in (*now.filled, *now.readers):
            continue
        redefined = name in now.filled and before is not None and before.definition != after.definition
        if redefined or not now.holds(name, after):
            found.append(name)
    return found
