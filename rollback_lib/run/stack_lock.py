"""The lock of a stack, as a run holds it: taken on the host, renewed while the run lasts, released at its end."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from rollback_lib.commands.command import script
from rollback_lib.errors import Locked, LockLost, NotApproved, Refused, RollbackError
from rollback_lib.facts.host import Answer
from rollback_lib.host import lock
from rollback_lib.host.approvals import NOT_ADMITTED, Permit
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner, Taking
from rollback_lib.record.folder import Folder
from rollback_lib.run.console import Console
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.text import times


class StackLock:
    """The lock of the stack whose folder on the host is `folder_there`. What happens to the lock is written to the record."""

    def __init__(self, link: Link, key: Key, folder_there: str, owner: Owner, record: Folder, console: Console) -> None:
        self._link = link
        self._key = key
        self._there = folder_there
        self._owner = owner
        self._record = record
        self._console = console
        self._held = False
        self._lost = False
        self._stop = threading.Event()

    def other(self, holder: Answer[lock.Owner | None]) -> str:
        """Who else holds the lock, in words, according to the answer to the fact `holder`; "" for nobody."""
        try:
            found = holder.result()
        except Refused:
            return "someone, in words that cannot be understood"
        return found.words if found and found.incident != self._owner.incident else ""

    def take(self, *, take_over: bool, permit: Permit = Permit(), plan: Callable[[], str] = str) -> lock.Taken | None:  # noqa: B008 – frozen
        """Take the lock; None if this run holds it already. `plan` gives the text of the plan, with secrets hidden, for those who follow
        the run. Raises Locked, which names the holder; LockLost if another run has taken the lock over from this one; NotApproved if the
        host demands an approval that `permit` does not show; Refused if the host cannot give it."""
        if self._lost:
            raise LockLost(f"{self._owner.incident} lost the lock of the stack to another run; look at what it did")
        if self._held:
            return None
        taken = self._ask(permit, plan().encode(), take_over=take_over)
        self._record.event("lock", how=taken.how, other=taken.other, until=taken.until, running=taken.running, last=taken.last)
        if taken.how is Taking.HELD and taken.other and taken.until:
            runs = f"; its step {', '.join(taken.running)} still runs there" if taken.running else ""
            raise Locked(
                f"{self._link.alias} is held by {taken.other.words}{runs}; ask them. If that run is dead, "
                f"`rollback resume {taken.other.incident}` resumes it; else wait until {times.clock(taken.until)} UTC, or longer if it "
                "is alive, or take over (--take-over, take_over=true)"
            )
        if taken.other and taken.how is not Taking.TAKEN:
            word = "Taken over from" if taken.how is Taking.TAKEN_OVER else "The lease had ended of"
            self._console.line(f"▲ {word} {taken.other.words}.")
        self._key.adopt(taken.key)
        self._held = True
        self._stop.clear()
        threading.Thread(target=self._renew, daemon=True).start()
        return taken

    def release(self, ended: str = "") -> None:
        """Release the lock, if this run holds it. `ended` says in a line of JSON how the run ended, "" if it has not. If the host cannot be
        reached, the lock ends with its lease."""
        if not self._held:
            return
        self._stop.set()
        self._held = False
        with suppress(RollbackError):
            self._link.run_once(script((lock.release(self._there, self._owner.incident, ended),)), deadline=10)
            self._record.event("lock", how="released")

    def lose(self) -> None:
        """Note that another run holds the lock now."""
        self._held, self._lost = False, True
        self._stop.set()

    def _ask(self, permit: Permit, plan: bytes, *, take_over: bool) -> lock.Taken:
        take = lock.take(self._there, self._owner, take_over=take_over, permit=permit, plan=len(plan))
        result = self._link.run(script((take,)), send=Secret(self._key.reveal().hex().encode() + plan))
        lines = result.err.strip().splitlines() or ["it said nothing"]
        if result.status == NOT_ADMITTED:
            raise NotApproved(f"{self._link.alias} does not let this run begin: {lines[-1]}; see docs/approval.md")
        if result.status != 0:
            raise Refused(
                f"the lock of this stack could not be taken in {self._there} on {self._link.alias} ({lines[-1]}); "
                "it needs flock, a disk with room, and the right to write there"
            )
        try:
            return lock.read_taken(result.out, result.err)
        except (ValueError, LookupError, TypeError):
            raise Refused(
                f"{self._link.alias} gave an answer about its lock that cannot be understood; look at {self._there}/lock"
            ) from None

    def _renew(self) -> None:
        while not self._stop.wait(lock.RENEWAL):
            with suppress(RollbackError):  # without a connection the lease is not renewed; the next step renews it when it starts
                result = self._link.run_once(script((lock.renew(self._there, self._owner.incident),)), deadline=10)
                if result.status == 3 and not self._stop.is_set():
                    self._record.event("lock", how="lost", at_renewal=datetime.now(UTC).isoformat())
                    self.lose()
                    return
