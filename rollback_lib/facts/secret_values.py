"""What of an answer must never be shown or kept: the values of env files and of environments, in the forms in which they turn up."""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from rollback_lib.commands import env_file
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.secret import Secret

# Which image runs is what a rollback is about, and no secret.
_WHICH_IMAGE = r"(?:\w*_)?(?:TAG|IMAGE|VERSION|COMMIT|DIGEST|REGISTRY|REPOSITORY)"
_LINE = re.compile(rf"\s*(?:export\s+)?{_WHICH_IMAGE}\s*[=:]".encode())
# Nor is where the programs of an image have their files; as a part of other paths, it would take those away, too.
_VARIABLE = re.compile(rf"{_WHICH_IMAGE}|PATH|HOME|PWD|LANG|LC_ALL|TZ|PGDATA|XDG_\w+_HOME")


def given(value: Secret) -> Fact[Secret]:
    """A value that is known without asking the host."""
    return Fact((), lambda _: value, hides=lambda found: forms(found.reveal()))


def in_environment(environment: Mapping[str, Secret], public: Iterable[str] = ()) -> Iterator[str]:
    """What an environment holds in secret: its values, but for those that are one of `public`."""
    names = {name.encode() for name in public}
    for key, value in environment.items():
        if not _VARIABLE.fullmatch(key) and value.reveal() not in names:
            yield from forms(value.reveal())


def in_env_file(content: Secret) -> Iterator[str]:
    """What an env file may hold in secret: all that follows a separator, commented out, quoted or broken as it may be."""
    for value in _values(content.reveal()):
        yield from forms(value)


def _values(content: bytes) -> Iterator[bytes]:
    rows = [row for row in env_file.lines(content) if not _LINE.match(row)]
    for row in rows:
        for separator in (b"=", b":"):
            value = row.partition(separator)[2].strip()
            yield from (value, value.strip(b"'\""), value.partition(b" #")[0].strip())
        if b"=" not in row and not row.lstrip().startswith(b"#"):
            yield row.strip()
    yield from (value.strip() for value in re.findall(rb"=[ \t]*[\"']([^\"']+)[\"']", b"".join(rows)))


def forms(value: bytes) -> Iterator[str]:
    """A value as text, each of its lines, the password of an address, and what compose takes for names of variables in it."""
    text = value.decode(errors="replace")
    yield from (text, *text.splitlines())
    yield from re.findall(r"://[^\s/:@]*:([^\s/@]+)@", text)
    yield from re.findall(r"\$\{?(\w+)", text)
    with contextlib.suppress(ValueError):
        yield from _leaves(json.loads(text))


def _leaves(value: object) -> Iterator[str]:
    """The texts in a structure that came as JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
