"""The secrets that are read before a procedure asks anything: from the stack's env files, from the environments of its containers, and
those that the stack file declares."""

import os

from rollback_lib.facts import docker, files, secret_values
from rollback_lib.facts.host import Host
from rollback_lib.stack.model import Stack


def known(host: Host, stack: Stack) -> set[str]:
    """Read all of these secrets. From then on the values in env files and containers are hidden wherever they occur. Returns the
    values that the stack declares, in all forms in which they may occur in a text."""
    declared = [*stack.secrets, *(entry.webhook for entry in stack.notify if entry.webhook)]
    of_host = [reference.removeprefix("file:") for reference in declared if reference.startswith("file:")]
    env_files = [*stack.code.env_files, *([stack.env.file] if stack.env else []), f"{stack.compose_directory}/.env"]
    containers, files_of_env = host.ask(docker.concerned(stack, _named(stack))), [host.ask(files.env_file(path)) for path in env_files]
    found = [host.ask(files.file(path)) for path in of_host]
    containers.result()
    for file_of_env in files_of_env:
        file_of_env.result()
    values = [file.content.reveal() for answer in found if (file := answer.result())]
    values += [os.environ[name].encode() for reference in declared if (name := reference.removeprefix("env:")) in os.environ]
    return {form for value in values for form in secret_values.forms(value.strip())}


def _named(stack: Stack) -> list[str]:
    """The names of containers that the stack file names. They may belong to any compose project."""
    of_databases = [name for section in stack.databases for name in (section.container, *section.used_by)]
    return [*of_databases, *(stack.redeploy.networks if stack.redeploy else ())]
