"""Whether the user on the host may do everything that a rollback does. This is found out before anything is changed."""

from dataclasses import dataclass

from rollback_lib.errors import Refused
from rollback_lib.facts import access, account
from rollback_lib.facts.account import Account
from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.writes import How, Write
from rollback_lib.stack.model import Stack

_SHOWN = 3  # how many sentences are shown


@dataclass(frozen=True)
class User:
    """The user that is logged in on the host. `blocked` holds a sentence for each file that rollbacks write and this user may not
    write."""

    account: Account
    blocked: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether this user can carry out a rollback."""
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
    """The user on the stack's host, with the files that its rollbacks write and this user may not write."""
    writes = [Write(stack.tree, How.FOLDER), *_of_git(stack.tree)] if stack.tree else []
    writes += [Write(path, How.REPLACED) for path in (stack.env.paths if stack.env else ())]
    writes += [Write(f"{stack.compose_directory}/.env", How.REPLACED)] if stack.image else []
    writes += [Write(stack.caddyfile.file, How.IN_PLACE)] if stack.caddyfile else []
    here, blocked = host.ask(account.account(stack)), host.ask(access.blocked(writes))
    return User(here.result(), tuple(blocked.result()))


def _of_git(tree: str) -> tuple[Write, ...]:
    return (Write(f"{tree}/.git", How.FOLDER), Write(f"{tree}/.git/logs/HEAD", How.IN_PLACE))


def check(host: Host, plan: Plan, here: Account) -> None:
    """Raises Refused if the plan writes a file that this user may not write, or replaces a file that is a mount point."""
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
