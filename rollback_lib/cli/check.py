"""`rollback check`: a short look at a stack, and whether a rollback of it could be planned now."""

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollback_lib.discovery.check import Looked
    from rollback_lib.stack.model import Stack


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("check", help="look whether a rollback of the stack could be planned now; changes nothing")
    parser.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.set_defaults(command=_check)


def _check(arguments: argparse.Namespace) -> int:
    from rollback_lib.stack.model import Stack

    return told(Stack.load(arguments.stack), arguments.stack, as_json=arguments.json)


def told(stack: "Stack", source: str, *, as_json: bool = False) -> int:
    """Look at a stack, which is called `source` on the command line, and print what was found; the exit status."""
    from rollback_lib.record.verdict import Verdict
    from rollback_lib.secrets.redactor import Redactor

    redactor = Redactor(stack.model_dump_json())
    found = _looked(stack, redactor)
    if as_json:
        print(json.dumps(redactor.clean_all(found.data()), indent=1, ensure_ascii=False))
    else:
        for line in _lines(found, source):
            print(redactor.clean(line))
    return (Verdict.READY if found.ready else Verdict.NOT_READY).status


def _looked(stack: "Stack", redactor: Any) -> "Looked":
    from rollback_lib.discovery import check
    from rollback_lib.facts.account import account
    from rollback_lib.facts.live import LiveHost
    from rollback_lib.host.link import Link
    from rollback_lib.procedures.common import known_secrets
    from rollback_lib.secrets.secret import Key

    link = Link.to(stack)
    try:
        host = LiveHost(link, redactor, Key())
        here = host.ask(account(stack))
        known_secrets.protect(host, stack, redactor)
        return check.look(host, stack.at(here.result().state))
    finally:
        link.close()


def _lines(found: "Looked", source: str) -> list[str]:
    from rollback_lib.procedures.common.rows import AMBER, GREEN, RED

    signs = {GREEN: "✔", AMBER: "▲", RED: "✘"}
    width = max(len(row.name) for row in found.rows)
    lines = []
    for row in found.rows:
        lines.append(f"{signs[row.level]} {row.name.ljust(width)}  {row.found}")
        lines += [f"  {' ' * width}  → {row.do}"] if row.do else []
    said = "ready to plan" if found.ready else "not ready: do what is said at ✘, then look again"
    more = f"Builds and restores were not tried; `rollback run readiness --stack {source} --apply --confirm {found.stack.host}` tries them."
    return [*lines, "", f"{found.stack.name} on {found.stack.host}: {said}", *([more] if found.ready else [])]
