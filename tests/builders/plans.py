"""Builders for small steps and plans."""

from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from tests.builders.stack import STACK


def echo(*words: str) -> Command:
    """A command that only prints `words`, by which a test recognises it."""
    return Command.of("echo", *words)


def step(name: str = "build", *commands: Command, **known: Any) -> Step:
    """A step that runs `commands`, or only prints its name if there are none."""
    return Step(name, name.capitalize(), "why", commands or (echo(name),), **known)


def changing(name: str = "recreate", *commands: Command, **known: Any) -> Step:
    """A step that changes the stack and may fail halfway."""
    return step(name, *commands, **{"changes": Changes.STACK, **known})


def plan(*steps: Step, undo: tuple[Step, ...] = (), **known: Any) -> Plan:
    """A plan with these steps, of the procedure *code* unless `known` says otherwise."""
    head = {"procedure": "code", "incident": "i1", "stack": STACK.name, "host": STACK.host, "target": "x"}
    return Plan(**{**head, "steps": steps, "undo": undo, **known})


def echoing(word: str) -> Plan:
    """A plan with a single step, which prints `word`."""
    return plan(step("build", echo(word)), target=word)


@dataclass(frozen=True)
class Loss:
    """A list of losses, as a step with losses needs it."""

    name: str = "dyniq"
    hash: str = "1"
    lines: tuple[str, ...] = ("public.calls: 25 rows now, 20 rows in the backup",)
    restored: bool = True


def losing() -> Plan:
    """A plan with a step that loses data and does all or nothing. Its clean-up prints “clean up”."""
    return plan(step("swap", changes=Changes.DATA), cleanup=(echo("clean up"),))
