"""A plan that needs an approval waits for it, on a host whose folder of the stack is one of this machine: its scripts really run."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import Drifted, NotApproved, NotConfirmed, ParameterError, Refused
from rollback_lib.host.approvals import Permit
from rollback_lib.host.connection import Keys, Result
from rollback_lib.host.ending import Ending
from rollback_lib.plan.plan import Plan
from rollback_lib.record import approval, signing
from rollback_lib.record.approval import Request
from rollback_lib.record.folder import Folder
from rollback_lib.run import approving, giving, needs, options
from rollback_lib.run.console import Unattended
from rollback_lib.run.incident import Incident
from rollback_lib.run.options import Options
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.approval import Approval
from rollback_lib.stack.model import Stack
from tests.builders.keys import allow, key, signed
from tests.builders.plans import changing, losing, plan, step
from tests.builders.runs import Host, Person, opening, run
from tests.builders.stack import STACK, content

PLAN = plan(changing("recreate"), loses=("25 rows now, 20 in the backup",), undo=(changing("back"),))
ANNA = Keys(host="SHA256:host", user="SHA256:anna")


class Meeting(Host):
    """A host whose folder of the stack is `state`, on this machine."""

    def __init__(self, state: Path, keys: Keys = ANNA) -> None:
        super().__init__()
        state.mkdir(exist_ok=True)
        self.state = state
        self.keys = keys

    def run(self, script: str, *, send: Secret | None = None, **_: object) -> Result:
        if str(self.state) not in script:
            return super().run(script)
        done = subprocess.run(["sh", "-c", script], input=send.reveal() if send else b"", capture_output=True)
        return Result(Ending.exited(done.returncode), done.stdout.decode(), done.stderr.decode(), 0, 0.0)


class Place:
    """Where Anna and Ben meet: the host, its stack, and Ben's key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = Meeting(folder / "state")
        self.ben = key(folder, "ben")
        self.signers = allow(folder / "allowed_signers", ben=self.ben)
        self.stack = self.asking()

    def asking(self, **changes: Any) -> Stack:
        demanded = {"signers": str(self.signers), "for": ["code"], **changes}
        return Stack.load(content(approval=demanded, state_directory=str(self.folder / "state")))

    def opened(self, person: object, host: Host | None = None, **changes: Any) -> Incident:
        made = run(opening(Folder.create("code", self.folder), named="shop", **changes), host or self.host, person, self.stack)
        return Incident(made)

    def asked(self, incident: Incident) -> Path:
        return self.host.state / "approvals" / incident.id / "request.json"

    def approve(self, incident: Incident, key: Path | None = None, name: str = "ben") -> None:
        """Approve it by hand, as docs/approval.md says."""
        file = self.asked(incident)
        (file.parent / f"{name}.sig").write_bytes(signed(Request.read(file.read_text()), key or self.ben))


@pytest.fixture
def place(tmp_path: Path, incident: Incident) -> Place:
    """`incident` makes the procedure find everything as it was planned."""
    return Place(tmp_path)


def headless() -> Unattended:
    return Unattended(lambda _: None)


def refused(incident: Incident, of: Plan = PLAN) -> str:
    with pytest.raises(NotApproved) as error:
        incident.confirm(of, "contabo")
    return str(error.value)


def test_without_an_approval_nothing_begins_and_the_next_commands_are_said(place: Place) -> None:
    incident = place.opened(headless())
    said = refused(incident)
    assert said == "the approval of another person is missing (0 of 1), and the stack asks for it before code"
    with pytest.raises(NotConfirmed):
        incident.apply(PLAN.recreate)
    assert place.host.started == []
    record = incident._run.folder.record()
    assert record["verdict"] == "refused"
    assert f"`rollback approve {incident.id} --stack shop`" in record["next"][0]
    assert f"`--plan {PLAN.hash}`" in record["next"][1]


def test_what_another_person_approved_is_applied_by_the_run_that_asked_and_kept(place: Place) -> None:
    incident = place.opened(headless())
    refused(incident)
    place.approve(incident)
    incident.confirm(PLAN, "contabo")
    incident.apply(PLAN.recreate)
    assert [job.name for job in place.host.started] == ["recreate"]
    folder = incident._run.folder
    kept = Request.read((folder.path / "approval" / "request.json").read_text())
    found, _ = approval.approvers(kept, [(folder.path / "approval" / "1.sig").read_bytes()], folder.path / "approval" / "allowed_signers")
    assert [one.name for one in found] == ["ben@dyniq"]
    event = next(event for event in folder.events() if event["event"] == "approved")
    assert event["by"] == [f"ben@dyniq ({signing.fingerprint(place.ben)})"]
    assert set(event["sha256"]) == {"approval/request.json", "approval/allowed_signers", "approval/1.sig"}


def test_the_same_run_again_uses_it_and_none_after_that(place: Place) -> None:
    first = place.opened(headless())
    refused(first)
    place.approve(first)
    second, third = place.opened(headless()), place.opened(headless())
    for incident in (second, third):
        incident.confirm(PLAN, "contabo")
    second.apply(PLAN.recreate)
    second._run.release_lock()
    with pytest.raises(NotApproved, match=f"approved in {first.id} was used by {second.id}"):
        third.apply(PLAN.recreate)
    assert f"approved in {first.id} was used by {second.id}" in refused(place.opened(headless()))
    assert [job.incident for job in place.host.started] == [second.id]


def test_two_runs_at_once_cannot_both_use_it(place: Place) -> None:
    """The host decides, when it gives the lock."""
    first = place.opened(headless())
    refused(first)
    place.approve(first)
    runs = [place.opened(headless())._run for _ in range(2)]
    permit = Permit(("code",), first.id, place.asked(first).read_text())
    runs[0].lock.take(take_over=False, permit=permit)
    runs[0].lock.release()
    with pytest.raises(NotApproved, match=f"its approval was used by {runs[0].opening.incident}"):
        runs[1].lock.take(take_over=False, permit=permit)
    runs[0].lock.take(take_over=False, permit=permit)


DIFFERENT: dict[str, Callable[[Place], tuple[Plan, Host]]] = {
    "another plan (": lambda place: (replace(PLAN, steps=(changing("other"),)), place.host),
    "another list of what is lost (": lambda place: (replace(PLAN, loses=("26 rows now, 20 in the backup",)), place.host),
    "another host key (SHA256:host, not SHA256:other)": lambda place: (PLAN, Meeting(place.host.state, Keys("SHA256:other", ANNA.user))),
}


@pytest.mark.parametrize("said", DIFFERENT)
def test_an_approval_for_something_else_is_refused_and_what_differs_is_named(place: Place, said: str) -> None:
    asked = place.opened(headless())
    refused(asked)
    place.approve(asked)
    other, host = DIFFERENT[said](place)
    incident = place.opened(headless(), host)
    assert f"what ben@dyniq approved in {asked.id} is {said}" in refused(incident, other)
    assert place.asked(incident).exists()  # it asks for that


def test_an_approval_of_another_incident_is_refused(place: Place) -> None:
    first, second = place.opened(headless()), place.opened(headless())
    refused(first)
    place.approve(first)
    for file in place.asked(first).parent.iterdir():
        there = place.asked(second).parent / file.name
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(file.read_bytes())
    place.asked(first).unlink()
    said = refused(place.opened(headless()))
    assert f"what ben@dyniq approved in {first.id} lies in the folder of {second.id}, another incident" in said


def test_somebody_else_cannot_use_it(place: Place) -> None:
    asked = place.opened(headless())
    refused(asked)
    place.approve(asked)
    eve = place.opened(headless(), Meeting(place.host.state, Keys(ANNA.host, "SHA256:eve")))
    assert "another key of who asks (SHA256:anna, not SHA256:eve)" in refused(eve)
    assert "0 of 1" in refused(place.opened(headless(), eve._run.link), replace(PLAN, target="y"))


def test_it_expires_before_the_first_step_and_never_after(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = plan(step("build"), changing("recreate"))
    soon, late = place.opened(headless()), place.opened(headless())
    for incident in (soon, late):
        refused(incident, steps)
        place.approve(incident)
        incident.confirm(steps, "contabo")
        if incident is soon:
            soon.apply(steps.build)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=2)

    monkeypatch.setattr(approving, "datetime", Later)
    soon.apply(steps.recreate)
    soon._run.release_lock()
    with pytest.raises(NotApproved, match="has expired at"):
        late.apply(steps.build)
    assert [job.incident for job in place.host.started] == [soon.id] * 2


@pytest.mark.parametrize("hostile", ["", "{}", "\x1b[2J", "x" * 100_000, '{"plan": 1}\n'])
def test_what_others_leave_there_is_no_request(place: Place, hostile: str) -> None:
    folder = place.host.state / "approvals" / "abcdef"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(hostile)
    (folder / "a b.sig").write_text(hostile)
    (place.host.state / "approvals" / "x y; rm").mkdir()
    incident = place.opened(headless())
    assert "0 of 1" in refused(incident)
    place.approve(incident)
    (place.asked(incident).parent / "a b.sig").write_text(hostile or "no")
    incident.confirm(PLAN, "contabo")
    assert incident.confirmed


def test_several_have_to_approve(place: Place, tmp_path: Path) -> None:
    carl = key(tmp_path, "carl")
    allow(place.signers, carl=carl)
    place.stack = place.asking(count=2)
    incident = place.opened(headless())
    refused(incident)
    place.approve(incident)
    place.approve(incident, name="again")
    assert "1 of 2" in refused(incident)
    place.approve(incident, carl, "carl")
    incident.confirm(PLAN, "contabo")
    assert incident.confirmed


def test_the_gate_waits_for_both(place: Place, person: Person) -> None:
    incident = place.opened(person, session="04_caddyfile.ipynb")
    incident.confirm(PLAN)
    assert person.awaited is not None
    assert person.awaited.look().ask == f"rollback approve {incident.id} --stack shop"
    assert not person.awaited.look().complete
    with pytest.raises(NotApproved):
        person.buttons[0]()
    with pytest.raises(NotConfirmed):
        incident.apply(PLAN.recreate)
    assert "type the host's name into the box" in incident._run.next_actions()[1]
    place.approve(incident)
    assert person.awaited.look().complete
    assert person.awaited.look().words.startswith(f"Approved by ben@dyniq ({signing.fingerprint(place.ben)}), to begin until ")
    person.buttons[0]()
    incident.apply(PLAN.recreate)
    assert [job.name for job in place.host.started] == ["recreate"]


def test_the_glass_is_broken_with_a_reason_that_comes_first(place: Place) -> None:
    said: list[str] = []
    incident = place.opened(Unattended(said.append), break_glass="nobody answers")
    incident.confirm(PLAN, "contabo")
    incident.apply(PLAN.recreate)
    record = incident._run.folder.record()
    assert next(iter(record.items())) == ("break_glass", "nobody answers")
    assert any("WITHOUT APPROVAL" in line for line in said)
    assert "WITHOUT APPROVAL (nobody answers)" in incident._run.called
    (line,) = (place.host.state / "approvals" / "break-glass.log").read_text().splitlines()
    assert line.endswith(f" {incident.id} code: nobody answers")


def test_what_needs_none_asks_for_none(place: Place) -> None:
    place.stack = place.asking(**{"for": ["database"]})
    incident = place.opened(headless(), break_glass="just in case")
    incident.confirm(PLAN, "contabo")
    incident.apply(PLAN.recreate)
    assert not (place.host.state / "approvals").exists()
    assert "break_glass" not in incident._run.folder.record()


def test_who_asks_before_a_database_asks_before_all_data_and_never_before_an_undo(place: Place) -> None:
    only, day = place.asking(**{"for": ["database"]}), datetime.now(UTC).date()
    frozen = place.asking(**{"for": [], "freezes": [{"since": day, "until": day + timedelta(days=3)}]})
    over = place.asking(**{"for": [], "freezes": [{"since": day - timedelta(days=9), "until": day - timedelta(days=1)}]})
    release = replace(losing(), procedure="release")
    assert [needs.why(only, one) for one in (PLAN, release)] == ["", "the stack asks for it before database"]
    assert needs.why(frozen, PLAN) == f"there is a freeze until {day + timedelta(days=3)}"
    undo, looks = replace(PLAN, procedure="undo"), plan(step("look"))
    assert [needs.why(stack, one) for stack, one in ((over, PLAN), (frozen, undo), (frozen, looks), (STACK, PLAN))] == [""] * 4


def test_the_parameters_are_checked_first(place: Place, tmp_path: Path) -> None:
    place.signers.unlink()
    options.check("code", place.stack, Options())
    options.check("code", place.stack, Options(mode="apply", break_glass="nobody answers"))
    with pytest.raises(ParameterError, match=r"approval\.signers: there is no file"):
        options.check("code", place.stack, Options(mode="apply"))
    with pytest.raises(ParameterError, match=r"approval\.for: cod is no procedure that can need an approval; there are: caddyfile, code,"):
        options.check("code", place.asking(**{"for": ["cod"]}), Options())
    for wrong in (1, "  "):
        with pytest.raises(ParameterError, match="break_glass: the reason is expected"):
            options.check("code", STACK, Options(break_glass=wrong))


# -- giving it -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> Incident:
    incident = place.opened(headless())
    refused(incident)
    monkeypatch.setattr(giving, "account", lambda _: place_of(place))
    return incident


def place_of(place: Place) -> Any:
    from rollback_lib.facts.account import Account
    from rollback_lib.facts.fact import Fact

    return Fact((), lambda _: Account("ben", str(place.host.state), ""))


def test_who_approves_sees_the_plan_and_signs_it(place: Place, asked: Incident) -> None:
    ben = Meeting(place.host.state, Keys(ANNA.host, "SHA256:ben"))
    offered = giving.Offered.of(place.stack, ben, asked.id)
    assert (offered.plan.hash, offered.given, offered.data()["approved"]) == (PLAN.hash, (), False)
    with pytest.raises(Drifted, match=f"asks for plan {PLAN.hash}, and {'0' * 12} was reviewed"):
        offered.approve(ben, "0" * 12, place.ben)
    assert offered.approve(ben, PLAN.hash, place.ben).data()["approved"]
    assert [one.name for one in giving.Offered.of(place.stack, ben, asked.id).given] == ["ben@dyniq"]
    asked.confirm(PLAN, "contabo")
    assert asked.confirmed


def test_a_signature_that_would_not_count_is_not_left(place: Place, asked: Incident, tmp_path: Path) -> None:
    offered = giving.Offered.of(place.stack, place.host, asked.id)
    with pytest.raises(Refused, match="would not count: a signature is of nobody in"):
        offered.approve(place.host, PLAN.hash, key(tmp_path, "eve"))
    with pytest.raises(Refused, match="could not be signed with"):
        offered.approve(place.host, PLAN.hash, place.signers)
    assert list(place.asked(asked).parent.glob("*.sig")) == []


def tampered(place: Place, asked: Incident, what: str) -> None:
    file = place.asked(asked)
    request = Request.read(file.read_text())
    if what == "plan":
        shown = json.loads((file.parent / "plan.json").read_text())
        shown["steps"][0]["commands"][0]["argv"] = ["rm", "-rf", "/"]
        (file.parent / "plan.json").write_text(json.dumps(shown))
    elif what == "losses":
        shown = json.loads((file.parent / "plan.json").read_text())
        (file.parent / "plan.json").write_text(json.dumps({**shown, "loses": []}))
    elif what == "no plan":
        (file.parent / "plan.json").write_text("[]")
    elif what == "used":
        (file.parent / "used").write_text("abcdef\n")
    elif what == "not canonical":
        file.write_text(file.read_text().replace(",", ", "))
    elif what == "gone":
        file.unlink()
    else:
        file.write_text(replace(request, **dict([what.split("=")])).text)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("plan", "is not the one that it asks for; do not approve it"), ("losses", "is not the one that it asks for"),
        ("no plan", "cannot be read"), ("used", "was used already"), ("not canonical", "in a way that cannot be approved"),
        ("gone", "nothing waits for an approval as"), ("incident=ffffff", "is a request of ffffff; do not approve it"),
        ("stack=other", "for another stack"), ("host_key=SHA256:x", "for another host key"), ("procedure=env", "is not the one"),
        ("not_after=2020-01-01T00:00:00Z", "waited until"), ("not_after=2099-01-01T00:00:00Z", "longer than any run does"),
    ],
)  # fmt: skip
def test_what_was_changed_on_the_host_is_not_offered(place: Place, asked: Incident, what: str, said: str) -> None:
    tampered(place, asked, what)
    with pytest.raises(Refused, match=said):
        giving.Offered.of(place.stack, place.host, asked.id)


def test_what_is_given_to_the_command_is_checked_first(place: Place) -> None:
    for stack, incident, reviewed, file, said in (
        (STACK, "3f2a9c", "", None, "asks for no approval"), (place.stack, "../x", "", None, "six hex digits"),
        (place.stack, "3f2a9c", "xyz", None, "the 12 hex digits of a plan"), (place.stack, "3f2a9c", "0" * 12, None, "no key is given"),
        (place.stack, "3f2a9c", "0" * 12, Path("/nowhere"), "/nowhere is no file"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=said):
            giving.check(stack, incident, reviewed, file)
    assert isinstance(place.stack.approval, Approval)
