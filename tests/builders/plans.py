"""Steps and plans, as small as a test can have them."""

from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from tests.builders.stack import STACK


def echo(*words: str) -> Command:
    """A command that does nothing, and can be told from others by what it says."""
    return Command.of("echo", *words)


def step(name: str = "build", *commands: Command, **known: Any) -> Step:
    """A step that says its name, unless it is told to run something else."""
    return Step(name, name.capitalize(), "why", commands or (echo(name),), **known)


def changing(name: str = "recreate", *commands: Command, **known: Any) -> Step:
    """A step that changes the stack, and may fail in its midst."""
    return step(name, *commands, **{"changes": Changes.STACK, **known})


def plan(*steps: Step, undo: tuple[Step, ...] = (), **known: Any) -> Plan:
    """A plan of these steps, of the code procedure unless told otherwise."""
    head = {"procedure": "code", "incident": "i1", "stack": STACK.name, "host": STACK.host, "target": "x"}
    return Plan(**{**head, "steps": steps, "undo": undo, **known})


def echoing(word: str) -> Plan:
    """A plan whose one step says that word."""
    return plan(step("build", echo(word)), target=word)


@dataclass(frozen=True)
class Loss:
    """What a step would lose."""

    name: str = "dyniq"
    hash: str = "1"
    lines: tuple[str, ...] = ("public.calls: 25 rows now, 20 rows in the backup",)
    restored: bool = True


def losing() -> Plan:
    """A plan with a step that loses something, does all or nothing, and can be told to be undone by what the host says."""
    return plan(step("swap", changes=Changes.DATA), cleanup=(echo("clean up"),))
