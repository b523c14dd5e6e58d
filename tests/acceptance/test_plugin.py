"""A procedure that another package brings: installed, drilled, undone, and refused in words, with nothing touched in rollback_lib."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.practice_host import PracticeHost
from rollback_lib.settings import PROJECT
from tests.machine import BIN, Machine

PACKAGE = PROJECT / "tests" / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables with which a process finds the example package, which is installed in its own folder."""
    folder = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    subprocess.run(["cp", "-r", PACKAGE, source], check=True)  # a build writes into its source
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, source / "plugin"]
    subprocess.run(argv, check=True, capture_output=True)
    return {"PYTHONPATH": str(folder)}


def drill(host: PracticeHost, incidents: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [BIN / "rollback", "drill", "nginx", "--name", host.name]
    return subprocess.run(
        argv, env={**os.environ, **env, "ROLLBACK_INCIDENTS": str(incidents)}, capture_output=True, text=True, timeout=400
    )


def test_a_procedure_of_another_package_is_drilled_undone_and_looked_at(clean: Machine, installed: dict[str, str]) -> None:
    done = drill(clean.host, clean.incidents, installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nginx      nginx        succeeded" in done.stdout, done.stdout
    folder = next(one for one in clean.folders() if json.loads((one / "record.json").read_text())["procedure"] == "nginx")
    record = json.loads((folder / "record.json").read_text())
    assert {one["name"]: one["ok"] for one in record["effects"]} == {"file on the host": True, "workers started with it": True}
    assert "return 200" in clean.ssh("cat /opt/dyniq-voice/nginx/nginx.conf")
    assert "docker exec docker-site-1 nginx -s reload" in (folder / "undo.sh").read_text()

    # The same commands as for every other procedure: undo, and the undo of that.
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([BIN / "rollback", *words], env=clean.env(installed), capture_output=True, text=True, timeout=170)

    undone = run("undo", folder.name, "--apply", "--confirm", "contabo")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert "return 404" in clean.ssh("cat /opt/dyniq-voice/nginx/nginx.conf")
    again = run("undo", clean.folders()[-1].name, "--apply", "--confirm", "contabo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "return 200" in clean.ssh("cat /opt/dyniq-voice/nginx/nginx.conf")

    # What runs is known good by now, and readiness has a row for it.
    assert run("run", "readiness", "--stack", str(clean.stack)).returncode in (0, 7)
    rows = json.loads((clean.folders()[-1] / "record.json").read_text())["found"]["rows"]
    (row,) = [one for one in rows if one["name"] == "nginx"]
    assert (row["level"], "nginx accepts it" in row["found"]) == ("green", True)

    # A target that nginx does not accept is refused before anything is touched.
    clean.ssh("cd /opt/dyniq-voice && cp nginx/nginx.conf /tmp/good && echo 'listen;' >nginx/nginx.conf && git commit -qam broken "
              "&& cat /tmp/good >nginx/nginx.conf && git commit -qam mended")  # fmt: skip
    broken = clean.ssh("git -C /opt/dyniq-voice rev-parse --short=7 HEAD~1")
    refused = run("run", "nginx", "--stack", str(clean.stack), "--apply", "--confirm", "contabo", "-p", f"target={broken}")
    assert refused.returncode == 3
    assert f'nginx does not accept the version {broken}: "listen" directive is not allowed here' in refused.stdout


def test_its_section_is_checked_and_without_the_package_it_is_not_there(clean: Machine, installed: dict[str, str]) -> None:
    def told(change: dict[str, object], env: dict[str, str]) -> str:
        stack = clean.edited_stack(lambda content: content.update(procedures={"nginx": change} if change else {}))
        argv = [BIN / "rollback", "run", "nginx", "--stack", stack]
        done = subprocess.run(argv, env=clean.env(env), capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stdout + done.stderr
        return done.stderr

    whole = {"container": "docker-site-1", "service": "site", "file": "/opt/dyniq-voice/nginx/nginx.conf"}
    assert "there is no procedure 'nginx'; there are: triage, code" in told(whole, {})
    assert "procedures.nginx.file: this key is missing; add it" in told({key: whole[key] for key in whole if key != "file"}, installed)
    assert "procedures.nginx.port: this key is not known" in told({**whole, "port": 80}, installed)
    assert "has no section procedures.nginx" in told({}, installed)
    assert clean.folders() == []


def test_it_is_listed_where_procedures_are(installed: dict[str, str], clean: Machine) -> None:
    said = subprocess.run(
        [BIN / "rollback", "run", "nothing", "--stack", clean.stack], env=clean.env(installed), capture_output=True, text=True
    )
    assert re.search(r"there are: triage, code, .*, release, .*nginx", said.stderr), said.stderr
