"""Giving an approval: what waits on the host is read, compared with itself, and signed. This needs no record of the run that asks."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from rollback_lib.commands.command import script
from rollback_lib.errors import Drifted, ParameterError, Refused
from rollback_lib.facts import approvals
from rollback_lib.facts.account import account
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.approvals import Filed, give
from rollback_lib.host.link import Link
from rollback_lib.plan.plan import Plan
from rollback_lib.record import approval, signing
from rollback_lib.record.approval import Approver, Request
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

_SKEW = timedelta(minutes=5)  # by which two clocks may differ


@dataclass(frozen=True)
class Offered:
    """A request that waits on the host, the plan that it is for, and who has approved it so far. `state` is the stack's folder there."""

    stack: Stack
    state: str
    request: Request
    plan: Plan
    given: tuple[Approver, ...]

    @property
    def signers(self) -> Path:
        """The file of those who may approve."""
        assert self.stack.approval
        return self.stack.approval.file

    @property
    def count(self) -> int:
        """How many have to approve."""
        assert self.stack.approval
        return self.stack.approval.count

    @classmethod
    def of(cls, stack: Stack, link: Link, incident: str) -> Self:
        """What the incident asks for on the host. Raises Refused if there is nothing, or it does not agree with itself."""
        host = LiveHost(link, Redactor(stack.model_dump_json()), Key())
        state = host.ask(account(stack)).result().state
        asked, shown = host.ask(approvals.filed(state)), host.ask(approvals.plan(state, incident))
        filed = next((one for one in asked.result() if one.incident == incident), None)
        if filed is None:
            raise Refused(f"nothing waits for an approval as {incident} in {state} on {stack.host}; ask who runs it for the number")
        request = _read(filed)
        plan = _plan(shown.result(), request)
        for what, there, here in (("stack", request.stack, stack.name), ("host key", request.host_key, link.keys.host)):
            if there != here:
                raise Refused(f"{incident} asks for an approval for another {what} ({there}, not {here}); do not approve it")
        assert stack.approval
        given, _ = approval.approvers(request, filed.signatures, stack.approval.file)
        return cls(stack, state, request, plan, tuple(given))

    def approve(self, link: Link, reviewed: str, key: Path) -> "Offered":
        """Approve the plan that was reviewed, given by its hash. Raises Drifted if it is another plan, Refused if the signature would not
        count."""
        if reviewed != self.plan.hash:
            raise Drifted(f"{self.request.incident} asks for plan {self.plan.hash}, and {reviewed} was reviewed; look at it again")
        try:
            name = signing.fingerprint(key)
            signature = signing.signature(self.request.text.encode(), key, approval.NAMESPACE).encode()
        except signing.NotSigned as error:
            raise Refused(f"the approval could not be signed with {key}: {error}; load the key with ssh-add, or give another") from None
        new, objections = approval.approvers(self.request, [signature], self.signers)
        if not new:
            raise Refused(f"this approval would not count: {objections[0]}")
        file = hashlib.sha256(name.encode()).hexdigest()[:12]
        command, sent = give(self.state, self.request.incident, self.request.text, signature, file)
        if link.run(script((command,)), send=sent).status != 0:
            raise Refused(
                f"the approval could not be left in {self.state} on {self.stack.host}: may you write there, and is the request the same?"
            )
        return Offered(self.stack, self.state, self.request, self.plan, tuple(dict.fromkeys((*self.given, *new))))

    def data(self) -> dict[str, Any]:
        """The same for a script."""
        return {
            "incident": self.request.incident, "plan": self.plan.hash, "procedure": self.request.procedure, "stack": self.request.stack,
            "host": self.request.host, "asked_by": self.request.who, "keys": list(self.request.keys), "until": self.request.not_after,
            "losses": list(self.plan.loses), "approved_by": [one.words for one in self.given], "count": self.count,
            "approved": len(self.given) >= self.count,
        }  # fmt: skip


def check(stack: Stack, incident: str, reviewed: str, key: Path | None) -> None:
    """Check all that is known before the host is contacted. Raises ParameterError."""
    if stack.approval is None:
        raise ParameterError(f"the stack {stack.name} asks for no approval; it has no section `approval`")
    stack.approval.check()
    if not re.fullmatch(r"[0-9a-f]{6}", incident):
        raise ParameterError(f"INCIDENT: six hex digits such as 3f2a9c are expected, not {incident[:60]!r}")
    if not re.fullmatch(r"[0-9a-f]{12}|", reviewed):
        raise ParameterError(f"--plan: the 12 hex digits of a plan are expected, not {reviewed[:60]!r}")
    if reviewed and (key is None or not key.is_file()):
        there = f"{key} is no file" if key else "no key is given"
        raise ParameterError(f"{there}; name the key you approve with by --key, or by {signing.KEY_VARIABLE}")


def _read(filed: Filed) -> Request:
    try:
        request = Request.read(filed.text)
    except ValueError as error:
        raise Refused(f"{filed.incident} asks in a way that cannot be approved ({error}); let its run ask again") from None
    now = datetime.now(UTC)
    if request.incident != filed.incident:
        raise Refused(f"what waits as {filed.incident} is a request of {request.incident}; do not approve it")
    if filed.used:
        raise Refused(f"the approval of {filed.incident} was used already")
    if now > request.until:
        raise Refused(f"{filed.incident} waited until {times.clock(request.until)} UTC; let its run ask again")
    if request.until > now + approval.VALID + _SKEW:
        raise Refused(f"{filed.incident} asks for an approval until {request.not_after}, longer than any run does; do not approve it")
    return request


def _plan(text: str, request: Request) -> Plan:
    """The plan of a request. Raises Refused if it is another."""
    try:
        plan = Plan.from_json(text)
    except ParameterError:
        raise Refused(f"the plan of {request.incident} cannot be read; let its run ask again, with the version that you have") from None
    if (plan.digest, plan.procedure, approval.losses(plan.loses)) != (request.plan, request.procedure, request.losses):
        raise Refused(f"the plan that is beside the request {request.incident} is not the one that it asks for; do not approve it")
    return plan
