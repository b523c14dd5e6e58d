"""`rollback approve`: a second person looks at a plan that waits, and signs it."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollback_lib.run.giving import Offered
    from rollback_lib.terminal.line import Line


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("approve", help="look at the plan of another person that waits for an approval; approve it with --plan")
    parser.add_argument("incident", metavar="INCIDENT", help="its number, as the run says that asks for it")
    parser.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    parser.add_argument("--plan", default="", metavar="HASH", help="approve this plan, which was read before")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the SSH key to sign with (default: ROLLBACK_SIGNING_KEY)")
    parser.add_argument("--json", action="store_true", help="print what is asked for, and who has approved it, as JSON")
    parser.set_defaults(command=_approve)


def _approve(arguments: argparse.Namespace) -> int:
    from rollback_lib.settings import SSH_CONFIGURATION, import_less

    import_less(SSH_CONFIGURATION)
    from rollback_lib.host.link import Link
    from rollback_lib.record.signing import own_key
    from rollback_lib.run import giving
    from rollback_lib.stack.model import Stack
    from rollback_lib.terminal.printer import printer

    stack = Stack.load(arguments.stack)
    key = arguments.key.expanduser() if arguments.key else own_key()
    giving.check(stack, arguments.incident, arguments.plan, key)
    link = Link.to(stack)
    try:
        offered = giving.Offered.of(stack, link, arguments.incident)
        if arguments.plan and key:
            offered = offered.approve(link, arguments.plan, key)
    finally:
        link.close()
    if arguments.json:
        print(json.dumps(offered.data(), indent=1, ensure_ascii=False))
    else:
        printer().show(_approved(offered) if arguments.plan else _asked(offered, arguments.stack))
    return 0


def _asked(offered: "Offered", stack: str) -> "Iterator[Line]":
    """All that is to be approved, and how."""
    from datetime import UTC, datetime

    from rollback_lib.terminal import blocks
    from rollback_lib.terminal.line import Line, Tone, table
    from rollback_lib.text import tables, times

    request, plan, now = offered.request, offered.plan, datetime.now(UTC)
    yield Line(f"{request.who} asks for an approval: {plan.procedure} of {plan.stack} on {plan.host} to {plan.target}", Tone.TITLE, now)
    given = ", ".join(one.words for one in offered.given) or "nobody"
    yield from table(
        [
            (Tone.QUIET, "incident", request.incident), (Tone.QUIET, "keys of who asks", ", ".join(request.keys)),
            (Tone.QUIET, "host key", request.host_key), (Tone.QUIET, "until", f"{times.clock(request.until)} UTC"),
            (Tone.QUIET, "folder there", f"{offered.state}/approvals/{request.incident}"),
            (Tone.QUIET, "approved by", f"{given}; {offered.count} needed"),
        ]
    )  # fmt: skip
    yield Line(f"Plan {plan.hash}: {tables.count(len(plan.steps), 'step')}", Tone.TITLE, now)
    yield from blocks.plan(plan, None, {}, {})
    yield Line(f"To approve exactly this: `rollback approve {request.incident} --stack {stack} --plan {plan.hash}`", Tone.PLAIN, now)


def _approved(offered: "Offered") -> "Iterator[Line]":
    from datetime import UTC, datetime

    from rollback_lib.terminal.line import Line, Tone
    from rollback_lib.text import times

    request, missing = offered.request, max(0, offered.count - len(offered.given))
    by = ", ".join(one.words for one in offered.given)
    yield Line(f"Plan {offered.plan.hash} of {request.incident} is approved by {by}", Tone.GOOD, datetime.now(UTC))
    if missing:
        yield Line(f"{missing} more have to approve it, until {times.clock(request.until)} UTC.")
    else:
        yield Line(
            f"{request.who} has until {times.clock(request.until)} UTC to begin: the same run again, with `--plan {offered.plan.hash}`."
        )
