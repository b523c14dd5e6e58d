"""A second person: what needs an approval is refused without, and applied with; and a host demands it by itself where root says so."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab.practice_host import PracticeHost
from rollback_lib.commands.command import script
from rollback_lib.errors import NotApproved
from rollback_lib.host import approvals, lock
from rollback_lib.host.approvals import NOT_ADMITTED, Permit
from rollback_lib.host.connection import Result
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.record import approval, manifest, signing
from rollback_lib.record.approval import Request
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.run import approving
from rollback_lib.run.console import Unattended
from rollback_lib.run.incident import Incident
from rollback_lib.secrets.secret import Secret
from tests.builders.keys import REQUEST, allow, key, signed
from tests.machine import BIN, Done, Machine

STATE = "/var/lib/rollback/dyniq-voice"
FILE = "/opt/dyniq-voice/docker/Caddyfile"
ETC = "/etc/rollback"
EXPOSE = "/etc/ssh/sshd_config.d/expose.conf"
# Let sshd read its configuration again, and wait until it listens again.
RELOAD = """
listens() { grep -c 'Server listening' /var/log/sshd.log; }
before=$(listens); kill -HUP "$(cat /run/sshd.pid)"
until [ "$(listens)" -gt "$before" ]; do sleep 0.05; done
"""


@dataclass
class Team:
    """Anna runs rollbacks with the practice host's key; Ben approves them with one of his own, from a machine with no record of hers."""

    machine: Machine
    folder: Path
    ben: Path
    signers: Path

    def stack(self, **changes: object) -> Path:
        demanded = {"signers": str(self.signers), "for": ["caddyfile"]}
        return self.machine.edited_stack(lambda content: content.update({"approval": demanded, **changes}))

    def approve(self, stack: Path, incident: str, *words: str, key: Path | None = None) -> subprocess.CompletedProcess[str]:
        argv = [BIN / "rollback", "approve", incident, "--stack", stack, "--key", key or self.ben, *words]
        env = self.machine.env({"ROLLBACK_INCIDENTS": str(self.folder / "of-ben")})
        done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def apply(self, stack: Path, *words: str) -> Done:
        return self.machine.apply(*words, procedure="caddyfile", stack=stack)

    def file(self) -> str:
        return self.machine.ssh(f"sha256sum {FILE}; docker exec docker-caddy-1 sha256sum /etc/caddy/Caddyfile")


@pytest.fixture
def team(clean: Machine, tmp_path: Path) -> Team:
    clean.host.break_("caddyfile")
    ben = key(tmp_path, "ben")
    return Team(clean, tmp_path, ben, allow(tmp_path / "allowed_signers", ben=ben))


def test_a_rollback_that_another_person_approved_is_applied(team: Team) -> None:
    stack, bad = team.stack(), team.file()
    refused = team.apply(stack)
    incident, plan, after = (refused.record[name] for name in ("incident", "plan", "next"))
    assert (refused.status, team.file()) == (3, bad)
    assert "the approval of another person is missing (0 of 1), and the stack asks for it before caddyfile" in refused.out
    said = " ".join(after)
    words = re.search(r"`rollback (approve \w+ --stack \S+)`", said)
    assert words
    assert words[1] == f"approve {incident} --stack {stack}"
    assert f"`--plan {plan}`" in said

    shown = team.approve(stack, incident)
    assert shown.returncode == 0, shown.stderr
    assert "caddy reload" in shown.stdout
    assert f"`rollback approve {incident} --stack {stack} --plan {plan}`" in shown.stdout
    given = team.approve(stack, incident, "--plan", plan)
    assert given.returncode == 0, given.stderr
    done = team.apply(stack, "--plan", plan)
    assert done.status == 0, done.out
    assert team.file() != bad
    assert f"was approved in {incident} by ben@dyniq" in done.out
    kept = done.folder / "approval"
    check = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        kept / "allowed_signers",
        "-I",
        "ben@dyniq",
        "-n",
        "rollback-approval",
        "-s",
        kept / "1.sig",
    ]
    subprocess.run(check, stdin=(kept / "request.json").open(), check=True, capture_output=True)


@pytest.mark.whole
def test_a_host_whose_root_asks_for_it_refuses_a_run_that_was_told_otherwise(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, bad = team.machine, team.file()
    machine.ssh(f"mkdir -m 755 {ETC}; umask 022; cat >{ETC}/allowed_signers <<'EOF'\n{team.signers.read_text()}EOF")
    told = team.folder / "told"
    mine = team.stack(notify=[{"command": ["sh", "-c", f"cat >>{told}; echo >>{told}"]}])
    try:
        # A stack file without `approval`.
        refused = team.apply(machine.stack)
        assert (refused.status, team.file()) == (3, bad)
        assert f"{ETC} asks for an approval before caddyfile, and this run has none" in refused.out
        # A runner whose own check was taken out.
        with monkeypatch.context() as patched:
            patched.setenv(ROOT_VARIABLE, str(machine.incidents))
            patched.setattr(approving, "check", lambda *_: None)
            patched.setattr(approving, "ask", lambda *_: None)
            incident = Incident.open("caddyfile", mine, console=Unattended(lambda _: None), mode="apply")
            now = incident.document()
            plan = incident.plan(now, incident.examine(now))
            incident.confirm(plan, "contabo")
            with pytest.raises(NotApproved, match="and this run has none"):
                incident.apply(plan.keep)
            incident.give_up()
        assert team.file() == bad
        # Signers of the runner's own.
        eve, own = key(team.folder, "eve"), team.folder / "own_signers"
        theirs = machine.edited_stack(lambda content: content.update(approval={"signers": str(own), "for": ["caddyfile"]}))
        allow(own, eve=eve)
        asked = team.apply(theirs)
        assert team.approve(theirs, asked.record["incident"], "--plan", asked.record["plan"], key=eve).returncode == 0
        refused = team.apply(theirs)
        assert (refused.status, team.file()) == (3, bad)
        assert f"and 1 more of those in {ETC}/allowed_signers would have to give it" in refused.out
        # In an emergency it goes on without, and everybody learns of it. No approval is needed for the way back.
        broke = team.apply(mine, "--break-glass", "nobody answers the phone")
        assert broke.status == 0, broke.out
        assert team.file() != bad
        assert machine.ssh(f"cat {STATE}/approvals/break-glass.log").endswith(
            f" {broke.record['incident']} caddyfile: nobody answers the phone"
        )
        texts = [json.loads(line)["text"] for line in told.read_text().splitlines() if line]
        assert ["WITHOUT APPROVAL (nobody answers the phone)" in text for text in texts] == [True, True]
        assert next(iter(broke.record)) == "break_glass"
        show = [BIN / "rollback", "incidents", "show", broke.record["incident"]]
        shown = subprocess.run(show, env=machine.env(), capture_output=True, text=True).stdout.splitlines()
        assert "WITHOUT APPROVAL, though the stack asks for it before caddyfile: nobody answers the phone" in shown[0]
        page = (broke.folder / "report.html").read_text()
        assert page.index("WITHOUT APPROVAL: nobody answers the phone") < page.index("Verdict")
        undone = machine.undo(broke.folder)
        assert undone.status == 0, undone.out
        assert team.file() == bad
        # Also where only the host asks.
        broke = team.apply(machine.stack, "--break-glass", "nobody answers the phone")
        assert (broke.status, broke.record["break_glass"]) == (0, "nobody answers the phone"), broke.out
        assert machine.undo(broke.folder).status == 0
        # What was approved is applied.
        asked = team.apply(mine)
        assert team.approve(mine, asked.record["incident"], "--plan", asked.record["plan"]).returncode == 0
        done = team.apply(mine)
        assert done.status == 0, done.out
        # What root does not list needs none.
        machine.ssh(f"echo 'for: [database, redeploy]' >{ETC}/approval")
        assert machine.undo(done.folder).status == 0
        assert team.apply(machine.stack).status == 0
    finally:
        machine.ssh(f"rm -rf {ETC}")


# -- what the host verifies by itself ------------------------------------------------------------------------------------------


@pytest.fixture
def link(host: PracticeHost) -> Iterator[Link]:
    link = Link("contabo", host.ssh_config, lambda _: None)
    try:
        yield link
    finally:
        link.run(f"rm -rf {ETC}")
        link.close()


@dataclass
class Door:
    """The host's own check, at a new folder of a stack: what it says to incident `begins` when that takes the lock."""

    link: Link
    state: str

    def file(self, request: Request, *signatures: bytes) -> Permit:
        """Leave a request with its signatures on the host. Returns what a run shows for it."""
        command, sent = approvals.ask(self.state, request.incident, request.text, "{}")
        self._run(command.shell(), sent)
        for number, one in enumerate(signatures):
            command, sent = approvals.give(self.state, request.incident, request.text, one, str(number))
            self._run(command.shell(), sent)
        return Permit(("caddyfile", "database"), request.incident, request.text)

    def _run(self, text: str, sent: Secret) -> None:
        done = self.link.run(text, send=sent)
        assert done.status == 0, done.err

    def says(self, permit: Permit, incident: str = "begins") -> str:
        """ "" if it lets the incident begin."""
        owner = Owner.now(incident, "caddyfile", "anna", "why not")
        done: Result = self.link.run(script((lock.take(self.state, owner, take_over=True, permit=permit),)), send=Secret("00" * 32))
        assert done.status in (0, NOT_ADMITTED), done.err
        return done.err.strip() if done.status else ""

    def etc(self, name: str, text: str, mode: str = "644") -> None:
        self.link.run(f"mkdir -p -m 755 {ETC}; cat >{ETC}/{name} <<'EOF'\n{text}EOF\nchmod {mode} {ETC}/{name}")


def test_the_host_verifies_an_approval_by_itself(link: Link, tmp_path: Path) -> None:
    door = Door(link, f"/tmp/state-{secrets.token_hex(4)}")
    ben, carl, eve = (key(tmp_path, name) for name in ("ben", "carl", "eve"))
    soon = approval.not_after(datetime.now(UTC))
    request = replace(REQUEST, host_key=link.keys.host, keys=(link.keys.user,), not_after=soon)
    assert door.says(Permit(("code",))) == ""  # root has said nothing

    def refuses(said: str, request: Request, *keys: Path, namespace: str = approval.NAMESPACE) -> None:
        assert said in door.says(door.file(request, *(signed(request, one, namespace) for one in keys)), secrets.token_hex(3)), said

    people = {"ben": ben, "carl": carl}
    door.etc("allowed_signers", allow(tmp_path / "signers", **people).read_text())
    assert door.says(Permit(("code",)), "a") == f"{ETC} asks for an approval before code, and this run has none"
    assert door.says(Permit(), "b") == ""  # nothing that serves is changed
    refuses("1 more of those in", request)
    refuses("1 more of those in", request, eve)
    refuses("1 more of those in", request, ben, namespace=manifest.NAMESPACE)
    refuses("1 more of those in", replace(request, keys=(link.keys.user, signing.fingerprint(ben))), ben)
    refuses("has expired", replace(request, not_after=f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"), ben)
    refuses("for a host with another key", replace(request, host_key="SHA256:other"), ben)
    permit = door.file(request, signed(request, ben))
    assert "is for something else" in door.says(replace(permit, request=replace(request, plan="cd" * 32).text), "c")
    assert "is for something else" in door.says(replace(permit, asked="ffffff"), "d")

    door.etc("approval", "count: 2\nfor: [database, redeploy]\n")
    assert door.says(Permit(("code",)), "e") == ""
    refuses("1 more of those in", request, ben, ben)
    door.etc("approval", "for: [database]\n", "666")
    refuses(f"{ETC}/approval is not root's alone", request, ben)
    door.etc("approval", "count: 2\n")
    permit = door.file(request, signed(request, ben), signed(request, carl))
    assert door.says(permit) == ""
    assert door.says(permit) == ""  # it continues
    assert door.says(permit, "f") == "its approval was used by begins"
    assert door.says(Permit(("code",), break_glass="nobody answers"), "g") == ""
    assert link.run(f"cat {door.state}/approvals/break-glass.log").out.endswith(" g code: nobody answers\n")


@pytest.mark.whole
def test_the_host_compares_the_key_that_is_logged_in(host: PracticeHost, link: Link, tmp_path: Path) -> None:
    """With `ExposeAuthInfo`, a runner cannot name another key as that of who asks, to approve its own plan."""
    ben = key(tmp_path, "ben")
    host.exec(f"echo 'ExposeAuthInfo yes' >{EXPOSE}; {RELOAD}")
    try:
        again = Link("contabo", host.ssh_config, lambda _: None)
        door = Door(again, f"/tmp/state-{secrets.token_hex(4)}")
        door.etc("allowed_signers", allow(tmp_path / "signers", ben=ben).read_text())
        request = replace(REQUEST, host_key=again.keys.host, not_after=approval.not_after(datetime.now(UTC)))
        for keys, said in ((("SHA256:another",), "names another key of who asks"), ((again.keys.user,), "")):
            asked = replace(request, keys=keys)
            heard = door.says(door.file(asked, signed(asked, ben)), secrets.token_hex(3))
            assert (said in heard, heard == "") == (True, said == "")
        again.close()
    finally:
        host.exec(f"rm {EXPOSE}; {RELOAD}")
