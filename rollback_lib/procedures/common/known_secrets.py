"""What is secret before a procedure has asked for anything: the stack's env files, the environments of the containers that it is about,
and the secrets that it declares."""

import re
from collections.abc import Mapping

from rollback_lib.facts import docker, files, references, secret_values
from rollback_lib.facts.host import Host
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

_CREDENTIAL = re.compile(rb"[A-Za-z]+ +(\S+)")  # as the header Authorization has it (RFC 9110, section 11.4)


def known(host: Host, stack: Stack) -> dict[str, Secret]:
    """Ask for all of it, so that what is asked is hidden from now on; the values of the stack's references, by reference."""
    declared = [*stack.secrets, *(one.webhook for one in stack.notify if one.webhook)]
    declared += [reference for route in stack.routes for reference in route.headers.values()]
    containers = host.ask(docker.concerned(stack, _named(stack)))
    env_files = [host.ask(files.env_file(path)) for path in stack.env_files]
    values = references.values(host, declared)
    containers.result()
    for one in env_files:
        one.result()
    return values


def forms(values: Mapping[str, Secret]) -> set[str]:
    """What a stack declares to be secret, in the forms in which it turns up: of `Bearer TOKEN`, the token, too."""
    texts = [value.reveal() for value in values.values()]
    texts += [found[1] for text in texts if (found := _CREDENTIAL.fullmatch(text))]
    return {form for text in texts for form in secret_values.forms(text)}


def _named(stack: Stack) -> list[str]:
    """The containers that the stack names, of whichever project they are."""
    of_databases = [name for one in stack.databases for name in (one.container, *one.used_by)]
    return [*of_databases, *(stack.redeploy.networks if stack.redeploy else ())]
