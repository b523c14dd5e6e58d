"""Builds small steps and plans."""

from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from tests.builders.stack import STACK


def echo(*words: str) -> Command:
    """A command that only prints these words, which tell it from other commands."""
    return Command.of("echo", *words)


def step(name: str = "build", *commands: Command, **known: Any) -> Step:
    """A step that runs these commands; without any, it prints its name."""
    return Step(name, name.capitalize(), "why", commands or (echo(name),), **known)


def changing(name: str = "recreate", *commands: Command, **known: Any) -> Step:
    """A step that changes the stack, and may fail halfway."""
    return step(name, *commands, **{"changes": Changes.STACK, **known})


def plan(*steps: Step, undo: tuple[Step, ...] = (), **known: Any) -> Plan:
    """A plan of these steps, by default of the code procedure."""
    head = {"procedure": "code", "incident": "i1", "stack": STACK.name, "host": STACK.host, "target": "x"}
    return Plan(**{**head, "steps": steps, "undo": undo, **known})


def echoing(word: str) -> Plan:
    """A plan whose only step prints that word."""
    return plan(step("build", echo(word)), target=word)


@dataclass(frozen=True)
class Loss:
    """A list of losses."""

    name: str = "dyniq"
    hash: str = "1"
    lines: tuple[str, ...] = ("public.calls: 25 rows now, 20 rows in the backup",)
    restored: bool = True


def losing() -> Plan:
    """A plan with a step that loses data and changes the stack completely or not at all, and with a clean-up."""
    return plan(step("swap", changes=Changes.DATA), cleanup=(echo("clean up"),))
