"""The state that triage needs: everything that the runbook's decision tree asks, and one probe of every route."""

from rollback_lib.facts import caddy, docker, inside_container, machine, references
from rollback_lib.facts.host import Host
from rollback_lib.procedures import registry
from rollback_lib.procedures.common.stack_state import StackState, Ways
from rollback_lib.stack.model import Stack

NAME = "triage"


def check(stack: Stack) -> None:
    """Do nothing: triage has no parameters of its own."""


def document(host: Host, stack: Stack) -> StackState:
    """Everything, asked side by side."""
    looks = {part.label: host.beside(triage.look, stack, **part.parameters) for part, triage in registry.of_triage(stack)}
    ways, there = host.beside(_ways, stack), host.beside(_machine, stack)
    return StackState(stack, ways.result(), there.result(), {label: one.result() for label, one in looks.items()})


def _machine(host: Host, stack: Stack) -> machine.Machine:
    return host.ask(machine.machine(stack.state)).result()


def _ways(host: Host, stack: Stack) -> Ways:
    found = docker.by_service(host.ask(docker.project(stack)).result())
    containers = {service: newest for service, mine in found.items() if (newest := docker.newest(mine))}
    values = references.values(host, [reference for route in stack.routes for reference in route.headers.values()])
    direct = {
        route.name: host.ask(inside_container.answer(containers[route.service], route, values))
        for route in stack.routes if route.service in containers
    }  # fmt: skip
    proxy = containers.get(stack.caddyfile.service) if stack.caddyfile else None
    upstreams = host.ask(caddy.upstreams(proxy)) if proxy else None
    return Ways({name: answer.result() for name, answer in direct.items()}, upstreams.result() if upstreams else None)
