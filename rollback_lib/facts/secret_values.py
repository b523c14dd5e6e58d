"""The values in answers that must never be shown or kept: those of env files and environments, in all forms in which they may appear."""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from rollback_lib.commands import env_file
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.secret import Secret

# Variables that say which image runs. Their values are not secret, and a rollback has to show them.
_WHICH_IMAGE = r"(?:\w*_)?(?:TAG|IMAGE|VERSION|COMMIT|DIGEST|REGISTRY|REPOSITORY)"
_LINE = re.compile(rf"\s*(?:export\s+)?{_WHICH_IMAGE}\s*[=:]".encode())
# Variables with the paths of an image's programs are not secret either. If they were hidden, so would every path that contains them.
_VARIABLE = re.compile(rf"{_WHICH_IMAGE}|PATH|HOME|PWD|LANG|LC_ALL|TZ|PGDATA|XDG_\w+_HOME")


def given(value: Secret) -> Fact[Secret]:
    """A secret that is known without asking the host."""
    return Fact((), lambda _: value, hides=lambda found: forms(found.reveal()))


def in_environment(environment: Mapping[str, Secret], public: Iterable[str] = ()) -> Iterator[str]:
    """The secrets in an environment: its values, except those that are in `public`."""
    names = {name.encode() for name in public}
    for key, value in environment.items():
        if not _VARIABLE.fullmatch(key) and value.reveal() not in names:
            yield from forms(value.reveal())


def in_env_file(content: Secret) -> Iterator[str]:
    """The possible secrets in an env file: everything that follows a separator, even in a comment, in quotes or in a broken line."""
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
    """The forms in which a value may appear: as text, each of its lines, the password in a URL, what compose would take for names of
    variables in it, and the texts in it if it is JSON."""
    text = value.decode(errors="replace")
    yield from (text, *text.splitlines())
    yield from re.findall(r"://[^\s/:@]*:([^\s/@]+)@", text)
    yield from re.findall(r"\$\{?(\w+)", text)
    with contextlib.suppress(ValueError):
        yield from _leaves(json.loads(text))


def _leaves(value: object) -> Iterator[str]:
    """All strings in a structure read from JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
