"""The secrets that are read before a procedure asks anything: from the stack's env files, from the environments of its containers, and
those that the stack file declares."""

import re
from collections.abc import Mapping

from rollback_lib.facts import docker, files, references, secret_values
from rollback_lib.facts.host import Host
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

_CREDENTIAL = re.compile(rb"[A-Za-z]+ +(\S+)")  # as the header Authorization has it (RFC 9110, section 11.4)


def protect(host: Host, stack: Stack, redactor: Redactor) -> dict[str, Secret]:
    """Let the redactor hide all of these secrets from then on. Returns the values of the stack's references, by reference."""
    values = known(host, stack)
    redactor.protect(forms(values), declared=True)
    return values


def known(host: Host, stack: Stack) -> dict[str, Secret]:
    """Read all of these secrets. From then on the values in env files and containers are hidden wherever they occur. Returns the
    values of the stack's references, by reference."""
    declared = [*stack.secrets, *(entry.webhook for entry in stack.notify if entry.webhook)]
    declared += [reference for route in stack.routes for reference in route.headers.values()]
    containers = host.ask(docker.concerned(stack, _named(stack)))
    env_files = [host.ask(files.env_file(path)) for path in stack.env_files]
    values = references.values(host, declared)
    containers.result()
    for answer in env_files:
        answer.result()
    return values


def forms(values: Mapping[str, Secret]) -> set[str]:
    """The values of a stack's references, in all forms in which they may occur in a text. For `Bearer TOKEN`, this includes the token
    alone."""
    texts = [value.reveal() for value in values.values()]
    texts += [found[1] for text in texts if (found := _CREDENTIAL.fullmatch(text))]
    return {form for text in texts for form in secret_values.forms(text)}


def _named(stack: Stack) -> list[str]:
    """The names of containers that the stack file names. They may belong to any compose project."""
    of_databases = [name for section in stack.databases for name in (section.container, *section.used_by)]
    return [*of_databases, *(stack.redeploy.networks if stack.redeploy else ())]
