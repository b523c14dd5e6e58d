"""The examples of guarded deploys for GitHub Actions and GitLab: the lines on the page, run as a runner runs them, against a practice host.
What they install is the wheel of this clone."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rollback_lib.settings import PROJECT
from tests.acceptance.test_checklist import webhook
from tests.acceptance.test_mark import ledger
from tests.machine import Machine
from tests.unit.docs.pages import example
from tests.wheel import Installed

PAGE = PROJECT / "docs" / "guarded-deploys.md"
_INSTALLED = '[ "$1" = install ] && for last; do :; done && test -f "$last"'  # it is already
# OpenSSH looks in the home that the system has for the user, which is that of a job where a runner has one of its own.
_OWN = 'cd "$HOME/.ssh" && exec /usr/bin/ssh -F config -o UserKnownHostsFile="$PWD/known_hosts" -o IdentityFile="$PWD/id_ed25519" "$@"'
TOOLS = {"pip": _INSTALLED, "pipx": _INSTALLED, "ssh": _OWN}


class Pipeline:
    """A provider of pipelines, its variables and secrets, and a repository with the runbooks. Each job gets an empty home and workspace, no
    terminal, no standard input, and no variables but its own."""

    def __init__(self, machine: Machine, installed: Installed, folder: Path, wheel: Path, chat: str) -> None:
        own = machine.host.folder
        there = (own / "ssh_config").read_text().splitlines()
        self.values = {
            "SSH_KEY": (own / "id_ed25519").read_text(),
            "KNOWN_HOSTS": (own / "known_hosts").read_text(),
            "SSH_CONFIG": "\n".join(line for line in there if not re.search("IdentityFile|KnownHosts", line)),
            "ROLLBACK_PACKAGE": str(wheel),
            "CHAT_WEBHOOK": chat,
            "RUNBOOKS": (folder / "runbooks").as_uri(),
            "RUNBOOKS_TOKEN": "none",
        }
        self.folder, self._jobs = folder, 0
        self._runbooks(machine, installed)
        tools = folder / "tools"
        tools.mkdir()
        for name, script in TOOLS.items():
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        self.path = f"{tools}:{installed.folder}/bin:/usr/bin:/bin"

    def _runbooks(self, machine: Machine, installed: Installed) -> None:
        """A repository with the runbooks, as `rollback init` makes it, and the stack file of the practice host."""
        runbooks = self.folder / "runbooks"
        assert installed.rollback("init", f"{runbooks}/", cwd=self.folder).returncode == 0
        stack = yaml.safe_load(machine.stack.read_text())["stack"]
        del stack["ssh_config"]  # that of the user
        stack["health"]["deadline"] = 4.0
        stack["notify"] = [{"webhook": "env:CHAT_WEBHOOK"}]
        (runbooks / "parameters" / "production.yaml").write_text(yaml.safe_dump({"stack": stack}))
        for words in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "Runbooks"]):
            subprocess.run(["git", "-C", runbooks, *words], check=True)

    def job(self) -> tuple[Path, dict[str, str]]:
        """The workspace and the environment of a new job."""
        self._jobs += 1
        home, workspace = (self.folder / f"job{self._jobs}" / name for name in ("home", "workspace"))
        home.mkdir(parents=True)
        workspace.mkdir()
        return workspace, {"PATH": self.path, "HOME": str(home), "CI": "true"}

    def shell(self, script: str, workspace: Path, environment: dict[str, str], *options: str) -> "subprocess.Popen[str]":
        file = workspace.parent / "script.sh"
        file.write_text(script)
        argv = ["env", "--default-signal=INT", "bash", *options, file]  # also where the tests run in the background of a shell
        return subprocess.Popen(
            argv, cwd=workspace, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip


class GitHub(Pipeline):
    """GitHub Actions: each `run` is a script of its own, with the variables that it is given."""

    def steps(self, hold: str, workspace: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
        """Run the steps of the job one after the other."""
        job = yaml.safe_load(example(PAGE, "GitHub Actions"))["jobs"]["guard"]
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                subprocess.run(["git", "clone", "-q", self.values["RUNBOOKS"], workspace], check=True)
            elif "run" in step:
                given = {name: self._filled(text) for name, text in step.get("env", {}).items()}
                yield self.shell(step["run"].replace("10m", hold), workspace, {**environment, **given}, "-e")
            else:
                self.artifact = workspace / step["with"]["path"]

    def guard(self, hold: str) -> tuple[int, str]:
        """Run the job. Returns the exit status of the step that failed, else 0, and what was printed."""
        said, status = "", 0
        for step in self.steps(hold, *self.job()):
            if status == 0:
                said += step.communicate(timeout=150)[0]
                status = step.returncode
        return status, said

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ (?:secrets|vars)\.(\w+) \}\}", lambda found: self.values[found[1]], text)


class GitLab(Pipeline):
    """GitLab CI: all lines of a job are one script; variables of type File are paths."""

    def guard(self, hold: str) -> tuple[int, str]:
        """Run the job. Returns its exit status, and what was printed."""
        job = yaml.safe_load(example(PAGE, "GitLab CI"))["deploy"]
        workspace, environment = self.job()
        (workspace / "deploy").write_text("#!/bin/sh\n")
        (workspace / "deploy").chmod(0o755)
        given = dict(self.values)
        for name in ("SSH_KEY", "KNOWN_HOSTS", "SSH_CONFIG"):
            file = workspace.parent / name
            file.write_text(self.values[name])
            given[name] = str(file)
        given |= {name: text.replace("$CI_PROJECT_DIR", str(workspace)) for name, text in job["variables"].items()}
        script = "\n".join([*job["before_script"], *job["script"]]).replace("10m", hold)
        run = self.shell(script, workspace, {**environment, **given}, "-eo", "pipefail")
        said = run.communicate(timeout=150)[0]
        (path,) = job["artifacts"]["paths"]
        self.artifact = workspace / path
        return run.returncode, said


@pytest.mark.whole
@pytest.mark.parametrize("provider", [GitHub, GitLab])
def test_an_example_marks_a_good_deploy_and_rolls_a_bad_one_back(
    clean: Machine, installed: Installed, wheel: Path, tmp_path: Path, provider: type[GitHub | GitLab]
) -> None:
    with webhook(200) as (address, heard):
        pipeline = provider(clean, installed, tmp_path, wheel, address)
        good = clean.head()
        status, said = pipeline.guard("3s")
        assert (status, "✔ marked: every route held for 3s" in said) == (0, True), said
        assert [(line["commit"], line["healthy"]) for line in ledger(clean)] == [(good, True)]
        assert records(pipeline.artifact) == {"guard": "marked"}

        clean.host.break_("release")
        status, said = pipeline.guard("60s")
        assert (status, clean.health()[0], clean.head()) == (4, 200, good), said
        assert "the release rollback" in said
        assert records(pipeline.artifact) == {"guard": "rolled-back", "release": "succeeded"}
    assert "did not hold" in "".join(heard)
    secrets = (pipeline.values["SSH_KEY"].splitlines()[1], address)
    everything = said + "".join(file.read_text(errors="replace") for file in pipeline.artifact.rglob("*") if file.is_file())
    assert not [one for one in secrets if one in everything]


@pytest.mark.whole
def test_a_job_that_is_cancelled_closes_its_record(clean: Machine, installed: Installed, wheel: Path, tmp_path: Path) -> None:
    pipeline = GitHub(clean, installed, tmp_path, wheel, "http://127.0.0.1:9/")
    for step in pipeline.steps("60s", *pipeline.job()):
        assert step.stdout
        if any("they have to hold" in line for line in step.stdout):
            step.send_signal(signal.SIGINT)
        step.communicate(timeout=30)
    assert (step.returncode, records(pipeline.artifact)) == (3, {"guard": "aborted"})


def records(folder: Path) -> dict[str, str]:
    """The verdict of each run whose record is kept as an artifact, by its procedure."""
    found = [json.loads(file.read_text()) for file in folder.glob("[0-9]*/*/*/*/record.json")]
    return {one["procedure"]: one["verdict"] for one in found}
