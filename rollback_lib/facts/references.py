"""The values that a stack file names by reference: variables of our own environment (`env:NAME`), files of the host (`file:/PATH`)."""

import os
from collections.abc import Iterable

from rollback_lib.facts import files, secret_values
from rollback_lib.facts.host import Host
from rollback_lib.secrets.secret import Secret


def values(host: Host, references: Iterable[str]) -> dict[str, Secret]:
    """The values by their references, without white space around them, and hidden from now on; those that are not there are left out."""
    asked = list(dict.fromkeys(references))
    there = {one: host.ask(files.value(one.removeprefix("file:"))) for one in asked if one.startswith("file:")}
    found = {one: Secret(file.content.reveal().strip()) for one, answer in there.items() if (file := answer.result()) and file.regular}
    names = {one: one.removeprefix("env:") for one in asked if one.startswith("env:")}
    given = {one: host.ask(secret_values.given(Secret(os.environ[name].strip()))) for one, name in names.items() if name in os.environ}
    return found | {one: answer.result() for one, answer in given.items()}
