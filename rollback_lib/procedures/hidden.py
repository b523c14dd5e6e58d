"""What must never be shown or kept: the values of a stack's env files and containers, and secrets that it declares."""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping

from rollback_lib import dotenv
from rollback_lib.facts import files
from rollback_lib.facts.fact import Dialogue
from rollback_lib.record.redaction import protect
from rollback_lib.secret import Secret
from rollback_lib.stack import Stack

# Which image runs is what a rollback is about, and no secret.
_NO_SECRET = re.compile(rb"\s*(?:export\s+)?(?:\w*_)?(?:TAG|IMAGE|VERSION|COMMIT|DIGEST|REGISTRY|REPOSITORY)\s*[=:]")


def hide_known(stack: Stack) -> Dialogue[None]:
    """Ask for the stack's env files and declared secrets, and let none of it be shown or kept from now on."""
    secrets = [*stack.secrets, *(one.webhook for one in stack.notify if one.webhook)]
    of_host = [one.removeprefix("file:") for one in secrets if one.startswith("file:")]
    env_files = [*stack.code.env_files, *([stack.env.file] if stack.env else []), f"{stack.compose_directory}/.env"]
    found = yield {path: files.file(path) for path in dict.fromkeys((*env_files, *of_host))}
    hide(stack, [found[path].content for path in env_files if found[path]], ())
    declared = [found[path].content.reveal() for path in of_host if found[path]]
    declared += [os.environ[name].encode() for one in secrets if (name := one.removeprefix("env:")) in os.environ]
    protect({form for value in declared for form in forms(value.strip())})


def hide(stack: Stack, contents: Iterable[Secret], environments: Iterable[Mapping[str, Secret]]) -> None:
    """Let no value of these files and environments be shown or kept from now on."""
    values = [value for content in contents for value in _values(content.reveal())]
    values += [value.reveal() for environment in environments for value in environment.values()]
    protect({form for value in values for form in forms(value)}, public=stack.model_dump_json())


def forms(value: bytes) -> Iterable[str]:
    """A value as text, each of its lines, the password of an address, and what compose takes for names of variables in it."""
    text = value.decode(errors="replace")
    yield from (text, *text.splitlines())
    yield from re.findall(r"://[^\s/:@]*:([^\s/@]+)@", text)
    yield from re.findall(r"\$\{?(\w+)", text)
    with contextlib.suppress(ValueError):
        yield from _leaves(json.loads(text))


def _leaves(value: object) -> Iterable[str]:
    """The texts in a structure that came as JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)


def _values(content: bytes) -> Iterable[bytes]:
    """What an env file may hold in secret: all that follows a separator, commented out, quoted or broken as it may be."""
    rows = [row for row in dotenv.lines(content) if not _NO_SECRET.match(row)]
    for row in rows:
        for separator in (b"=", b":"):
            value = row.partition(separator)[2].strip()
            yield from (value, value.strip(b"'\""), value.partition(b" #")[0].strip())
        if b"=" not in row and not row.lstrip().startswith(b"#"):
            yield row.strip()
    yield from (value.strip() for value in re.findall(rb"=[ \t]*[\"']([^\"']+)[\"']", b"".join(rows)))
