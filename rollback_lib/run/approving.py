"""The approval of another person, where the stack asks for one: it is asked for on the host, and verified here before anything is changed.

Once a step has begun, nothing is asked any more: neither the end of an approval nor a freeze stops a run midway, nor its undo.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rollback_lib.commands.command import script
from rollback_lib.errors import NotApproved, Refused
from rollback_lib.facts import approvals
from rollback_lib.host.approvals import Filed
from rollback_lib.host.approvals import ask as ask_there
from rollback_lib.plan.plan import Plan
from rollback_lib.record import approval, signing
from rollback_lib.record.approval import Approver, Request
from rollback_lib.run import needs, notify, outcome
from rollback_lib.run.console import Approvals
from rollback_lib.run.run import Run
from rollback_lib.stack.approval import Approval
from rollback_lib.text import times


@dataclass(frozen=True)
class _Found:
    """What is on the host: the `request` for this plan, its `signatures`, who has approved it, and why others do not count. `stale` says
    why an approval that was given is not for this run, "" if there is none."""

    request: Request | None
    signatures: tuple[bytes, ...] = ()
    approvers: tuple[Approver, ...] = ()
    objections: tuple[str, ...] = ()
    stale: str = ""


class Awaited:
    """The approval that a plan waits for."""

    def __init__(self, run: Run, plan: Plan, demanded: Approval, asked: Request) -> None:
        self._run = run
        self._plan = plan
        self._demanded = demanded
        self._asked = asked

    def look(self) -> Approvals:
        """How far it is now. Another thread may call this. Raises Refused, LinkLost."""
        return self._in_words(_look(self._run, self._plan, self._demanded))

    def _in_words(self, found: _Found) -> Approvals:
        asked, count = found.request or self._asked, self._demanded.count
        given = ", ".join(one.words for one in found.approvers)
        doubts = "".join(f"; {one}" for one in (*found.objections, *([found.stale] if found.stale and not found.approvers else [])))
        many = f"{len(found.approvers)} of {count}{f', by {given}' if given else ''}{doubts}"
        missing = f"the approval of another person is missing ({many}), and {needs.why(self._run.stack, self._plan)}"
        complete = found.request is not None and len(found.approvers) >= count
        words = f"Approved by {given}, to begin" if complete else f"Not approved yet ({many}). It can be"
        words += f" until {times.clock(asked.until)} UTC"
        if datetime.now(UTC) > asked.until:
            words = f"Not approved in time ({many}). Run this cell again to ask again; it is approved"
        return Approvals(complete, words, missing, f"rollback approve {asked.incident} --stack {self._run.opening.named}")


def ask(run: Run, plan: Plan) -> Awaited | None:
    """Ask for the approval that the plan needs, unless it was asked for before. None if it needs none, or the run may go on without."""
    demanded = run.stack.approval
    if demanded is None or not needs.why(run.stack, plan) or run.opening.break_glass:
        return None
    found = _look(run, plan, demanded)
    asked = found.request or _request(run, plan)
    awaited = Awaited(run, plan, demanded, asked)
    if not found.request:
        kept = (run.folder.path / "plan.json").read_text()
        command, sent = ask_there(run.stack.state, asked.incident, asked.text, kept)
        if run.link.run(script((command,)), send=sent).status != 0:
            raise Refused(f"the request for an approval could not be left in {run.stack.state} on {run.stack.host}; look at that folder")
    if len(found.approvers) < demanded.count:
        run.folder.event("approval-asked", plan=plan.hash, incident=asked.incident, until=asked.not_after)
    if not found.request:
        run.notifier.tell(notify.ASKED, f"● {run.called}: waits for an approval, `{awaited.look().ask}`", run.opening.incident)
    return awaited


def check(run: Run, plan: Plan) -> None:
    """Verify the approval that the plan needs, and keep it in the record. Raises NotApproved."""
    demanded = run.stack.approval
    if demanded is None or not (because := needs.why(run.stack, plan)):
        return
    if run.opening.break_glass:
        break_glass(run, plan, because)
        return
    found = _look(run, plan, demanded)
    if found.request is None or len(found.approvers) < demanded.count:
        asked = found.request or _request(run, plan)
        missing = Awaited(run, plan, demanded, asked)._in_words(found).missing
        raise NotApproved(f"{missing}; run the cell Confirm again, which asks for it")
    if run.state.approved.get("plan") != plan.hash:
        _keep(run, plan, found.request, found)


def break_glass(run: Run, plan: Plan, because: str) -> None:
    """Go on without the approval that the plan needs, and say so. `because` says why it needs one."""
    if not run.state.break_glass:
        run.folder.event("break-glass", plan=plan.hash, reason=run.opening.break_glass, needs=because, who=run.opening.who)
        run.write_record()
        run.console.line(f"▲ WITHOUT APPROVAL, though {because}: {run.opening.break_glass}")


def _look(run: Run, plan: Plan, demanded: Approval) -> _Found:
    """The newest request on the host that is for this plan."""
    found, stale = _Found(None), ""
    wanted = _request(run, plan)
    for filed in run.host().ask(approvals.filed(run.stack.state)).result():
        try:
            request = Request.read(filed.text)
        except ValueError:
            continue  # it was not written by us, so nobody has asked for it
        if request.keys != wanted.keys and request.plan != wanted.plan:
            continue  # somebody else asks for something else
        given, objections = approval.approvers(request, filed.signatures, demanded.file)
        wrong = _wrong(request, filed, wanted)
        if not wrong and found.request is None:
            found = _Found(request, filed.signatures, tuple(given), tuple(objections))
        elif wrong and given and not stale:
            stale = f"what {' and '.join(one.name for one in given)} approved in {request.incident} {wrong}"
    return replace(found, stale=stale)


def _wrong(request: Request, filed: Filed, wanted: Request) -> str:
    """Why a request is not one for this run, as the end of a sentence; "" if it is."""
    if filed.incident != request.incident:
        return f"lies in the folder of {filed.incident}, another incident"
    if differences := request.differences(replace(wanted, incident=request.incident, who=request.who)):
        return f"is {' and '.join(differences)}"
    if filed.used not in ("", wanted.incident):
        return f"was used by {filed.used}"
    return "" if datetime.now(UTC) <= request.until else f"has expired at {times.clock(request.until)} UTC"


def _request(run: Run, plan: Plan) -> Request:
    """The request for this plan, if it were made now."""
    keys = run.link.keys
    shown = outcome.shown_clean(plan, run.folder.redactor)
    return Request(
        plan=plan.digest, procedure=plan.procedure, incident=run.opening.incident, stack=run.stack.name, host=run.stack.host,
        host_key=keys.host, losses=approval.losses(shown.loses), who=run.opening.who, keys=_own_keys(keys.user),
        not_after=approval.not_after(datetime.now(UTC)), nonce=secrets.token_hex(16),
    )  # fmt: skip


def _own_keys(connected: str) -> tuple[str, ...]:
    """The keys of who runs this: the one of the connection, and the one that signs seals."""
    key = signing.own_key()
    try:
        return tuple(sorted({connected, *([signing.fingerprint(key)] if key else [])}))
    except signing.NotSigned as error:
        raise Refused(f"{signing.KEY_VARIABLE}: {error}; name a key, or unset it") from None


def _keep(run: Run, plan: Plan, request: Request, found: _Found) -> None:
    """Keep the request, its signatures and who may approve in the record, and say who did."""
    assert run.stack.approval
    place = run.folder.path / needs.FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    files = {"request.json": request.text, "allowed_signers": run.stack.approval.file.read_text()}
    files |= {f"{number}.sig": one.decode(errors="replace") for number, one in enumerate(found.signatures, 1)}
    for name, text in files.items():
        run.folder.write(f"{needs.FOLDER}/{name}", text)
    hashes = run.folder.hashes(*(f"{needs.FOLDER}/{name}" for name in files))
    run.folder.event("approved", plan=plan.hash, incident=request.incident, by=[one.words for one in found.approvers], sha256=hashes)
