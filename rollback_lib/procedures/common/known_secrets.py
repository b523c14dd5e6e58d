"""What is secret before a procedure has asked for anything: the stack's env files, the environments of the containers that it is about,
and the secrets that it declares."""

from collections.abc import Mapping

from rollback_lib.facts import docker, files, references, secret_values
from rollback_lib.facts.host import Host
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack


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
    """What a stack declares to be secret, in the forms in which it turns up."""
    return {form for value in values.values() for form in secret_values.forms(value.reveal())}


def _named(stack: Stack) -> list[str]:
    """The containers that the stack names, of whichever project they are."""
    of_databases = [name for one in stack.databases for name in (one.container, *one.used_by)]
    return [*of_databases, *(stack.redeploy.networks if stack.redeploy else ())]
