"""The stack of the unit tests, from tests/stack.yaml, and variations of it."""

from pathlib import Path
from typing import Any

import yaml

from rollback_lib.stack.model import Stack

STACK_FILE = Path(__file__).parents[1] / "stack.yaml"
STACK = Stack.load(STACK_FILE)
HOST = STACK.host
STATE = STACK.state  # the stack's folder on the host


def content(**changes: Any) -> dict[str, Any]:
    """The content of the stack file under the key `stack`, with changes."""
    return {**yaml.safe_load(STACK_FILE.read_text())["stack"], **changes}


def written(file: Path, **changes: Any) -> Path:
    """Write the stack file, with changes, to `file`."""
    file.write_text(yaml.safe_dump({"stack": content(**changes)}))
    return file


def with_health(**changes: Any) -> Stack:
    """The stack, with changes in its section `health`."""
    return STACK.model_copy(update={"health": STACK.health.model_copy(update=changes)})


def bare(**changes: Any) -> Stack:
    """A minimal stack, without git and without the section of any procedure."""
    routes = [{"name": "web", "service": "web", "url": "http://shop.example/"}]
    return Stack.load({"name": "shop", "host": HOST, "compose_directory": "/opt/shop", "routes": routes, **changes})
