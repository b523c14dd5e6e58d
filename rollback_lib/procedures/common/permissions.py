"""That a rollback can be carried out by the user we are logged in as: found before anything is changed."""

from dataclasses import dataclass

from rollback_lib.errors import Refused
from rollback_lib.facts import access, account
from rollback_lib.facts.account import Account
from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.writes import How, Write
from rollback_lib.stack.model import Stack

_SHOWN = 3  # sentences


@dataclass(frozen=True)
class User:
    """Which user we are logged in as, and why files that rollbacks of the stack write may not be written."""

    account: Account
    blocked: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way of a rollback."""
        return not (self.blocked or self.account.closed or self.account.lacking)

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        if self.account.lacking:
            return f"the host lacks {', '.join(self.account.lacking)}"
        found = [*self.blocked, *([self.account.closed] if self.account.closed else [])]
        where = f"lock, ledger and copies are in {self.account.state}"
        return "; ".join(found) or f"{self.account.user} may write what a rollback writes; {where}"


def user(host: Host, stack: Stack) -> User:
    """Who we are on the stack's host, and what we may not write of all that its rollbacks write."""
    writes = [Write(stack.tree, How.FOLDER), *_of_git(stack.tree)] if stack.tree else []
    writes += [Write(path, How.REPLACED) for path in (stack.env.paths if stack.env else ())]
    writes += [Write(f"{stack.compose_directory}/.env", How.REPLACED)] if stack.image else []
    writes += [Write(stack.caddyfile.file, How.IN_PLACE)] if stack.caddyfile else []
    here, blocked = host.ask(account.account(stack)), host.ask(access.blocked(writes))
    return User(here.result(), tuple(blocked.result()))


def _of_git(tree: str) -> tuple[Write, ...]:
    return (Write(f"{tree}/.git", How.FOLDER), Write(f"{tree}/.git/logs/HEAD", How.IN_PLACE))


def check(host: Host, plan: Plan, here: Account) -> None:
    """Raises Refused where the plan writes what this user may not write."""
    if plan.nothing_to_do or not plan.writes:
        return
    asked, mounted = host.ask(access.blocked(plan.writes)), host.ask(access.mounted(plan.writes))
    blocked = asked.result()
    if mounted.result():
        raise Refused(
            f"{', '.join(mounted.result())} is a mount of its own on {plan.host}, and no other file can take its place; unmount it, and "
            "put the file itself there"
        )
    if blocked:
        more = f"; and {len(blocked) - _SHOWN} more" if len(blocked) > _SHOWN else ""
        raise Refused(f"{'; '.join(blocked[:_SHOWN])}{more}: let root give {here.user} that right, or log in as root")
