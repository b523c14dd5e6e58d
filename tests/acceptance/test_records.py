"""The record of real runs: sealed however it was run, listed, shown and handed on; what a host prints does not act in it."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from rollback_lib.commands import env_file
from rollback_lib.errors import Refused
from rollback_lib.settings import PROJECT
from tests.machine import BIN, Machine

HOSTILE = r"""RUN printf '\033]0;pwned\007\033[2J\033[31mred\033[0m<script>document.title="pwned"</script>\n' && head -c 3000 /dev/urandom \
 && printf '\n%0200000d\n' 7 && printf '<img src=x onerror=alert(1)>\n'"""


def incidents(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([BIN / "rollback", "incidents", *words], env=machine.env(), capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_records_of_real_runs(broken: Machine, tmp_path: Path) -> None:
    """Headless and plain papermill, planned, refused, failed and succeeded: each has one verdict, and all are sealed."""
    planned = broken.rollback("-p", "reason=looking first")
    refused = broken.apply("-p", "target=0123456")
    out = tmp_path / "out.ipynb"
    assert broken.papermill(out, "-r", "target", "0123456").returncode != 0
    assert broken.papermill(out, "-p", "mode", "apply", "-p", "confirm", "contabo").returncode == 0
    broken.ssh("git -C /opt/dyniq-voice switch -q main")
    listed = json.loads(incidents(broken, "list", "--json").stdout)
    assert [one["verdict"] for one in listed] == ["succeeded", "refused", "refused", "planned"]
    for folder in broken.folders():
        assert {"record.json", "events.jsonl", "report.html", "postmortem.md", "manifest.json", "stack.json"} <= {
            file.name for file in folder.iterdir()
        }
        assert {oct(file.stat().st_mode & 0o777) for file in folder.rglob("*") if file.is_file()} == {"0o600"}
    verified = incidents(broken, "verify")
    assert (verified.returncode, "4 records" in verified.stdout, "4 sealed" in verified.stdout) == (0, True, True), verified.stdout
    head = re.search(r"head (\w{32})", verified.stdout)[1]
    assert incidents(broken, "verify", "--head", head).returncode == 0
    assert incidents(broken, "verify", "--head", "0" * 32).returncode == 5

    found = incidents(broken, "search", "looking FIRST", "--verdict", "planned").stdout
    assert planned.folder.name[-6:] in found
    assert refused.folder.name[-6:] not in found
    done = next(one for one in listed if one["verdict"] == "succeeded")
    shown = incidents(broken, "show", done["incident"]).stdout
    assert re.search(r"Step 4 of 5, recreate, begins: .*\n.*Step 4 of 5, recreate, done after", shown, re.DOTALL)
    assert re.search(r"recreate +done", shown)
    assert incidents(broken, "show", "../../etc").returncode == 2
    assert incidents(broken, "list", "--since", "yesterday").returncode == 2
    assert incidents(broken, "prune", "--keep", "0d").returncode == 2

    report = tmp_path / "handed.html"
    assert incidents(broken, "report", done["incident"], "-o", str(report)).returncode == 0
    text = report.read_text()
    assert text.index("Verdict: succeeded") < text.index("Steps, health and budget") < text.index("Timeline")
    assert not re.search(r"(src|href)=", text)
    draft = report.with_suffix(".md").read_text()
    assert "| Verdict | **succeeded**" in draft
    assert "- [ ] HEAD is detached at the target" in draft
    assert all(f"| {one['incident']} |" in draft for one in listed[1:]), "the runs before it at the same outage"
    assert f"({report.with_suffix('.svg').name})" in draft
    assert report.with_suffix(".svg").read_text().startswith("<svg")

    counted = json.loads(incidents(broken, "stats", "--json").stdout)
    (drill,) = counted["drills"]
    assert (drill["procedure"], drill["succeeded"], counted["needed"]) == ("code", 1, []), "a practice host serves nobody"
    assert 0 < drill["healing"]["median"] < done["seconds"]
    compared = incidents(broken, "diff", planned.folder.name, done["incident"]).stdout
    assert "  ● verdict\n    - planned\n    + succeeded\n" in compared
    assert "Plan: steps and commands" in compared.splitlines()[-1], "the plan is the one that was looked at first"

    (refused.folder / "record.json").write_text((refused.folder / "record.json").read_text().replace("refused", "succeeded"))
    tampered = incidents(broken, "verify")
    assert (tampered.returncode, "✘" in tampered.stdout, refused.folder.name in tampered.stdout) == (5, True, True)


def test_what_a_host_prints_does_not_act(clean: Machine) -> None:
    """Escape sequences, markup, random bytes and a line without end, from a build on the host."""
    target = clean.commit("prints anything", f"cat >>agents_api/Dockerfile <<'EOF'\n{HOSTILE}\nEOF")
    done = clean.apply("-p", f"target={target}")
    assert done.record["verdict"] == "succeeded", done.out
    shown = incidents(clean, "show", done.folder.name).stdout
    kept = (done.folder / "output" / "build.txt").read_text()
    assert "document.title" in kept
    for text in (done.out, done.err, shown, kept, *(file.read_text() for file in done.folder.iterdir() if file.is_file())):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert max(map(len, kept.splitlines())) < 10_000
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        acted: list[str] = []
        page.on("dialog", lambda dialog: acted.append(dialog.message))
        page.on("request", lambda request: acted.append(request.url) if not request.url.startswith("file:") else None)
        for name in ("notebook.html", "report.html"):
            page.goto(f"file://{done.folder}/{name}")
            assert "pwned" not in page.title()
            page.screenshot(path=PROJECT / "build" / "screenshots" / f"{name.removesuffix('.html')}-of-a-run.png", full_page=True)
        assert acted == []
        browser.close()


def test_declared_secrets_are_in_no_record(clean: Machine) -> None:
    mine, theirs = "mine-9f8e7d6c5b", "theirs-1a2b3c4d5e"
    clean.ssh(f"echo {theirs} >/root/token; chmod 600 /root/token")
    stack = clean.edited_stack(lambda content: content.update(secrets=["env:MY_TOKEN", "file:/root/token"]))
    target = clean.commit("prints secrets", f"echo 'RUN echo {mine}; echo x{theirs}y' >>agents_api/Dockerfile")
    done = clean.apply("-p", f"target={target}", stack=stack, env={"MY_TOKEN": mine})
    assert done.record["verdict"] == "succeeded", done.out
    everything = done.everything()
    assert "‹redacted›" in (done.folder / "output" / "build.txt").read_text()
    assert mine not in everything
    assert theirs not in everything
    wrong = clean.edited_stack(lambda content: content.update(secrets=[mine]))
    refused = clean.rollback(stack=wrong)
    assert (refused.status, mine in refused.err) == (2, False)


LINES = st.lists(
    st.sampled_from([
        "A=1", "export B=two", "C: three", "D='one\n two'", 'E="x\\"y"', "F", "# G=1", "", "H = 'a' # b", "I=a#b", "A=2", "J=$A", "K='$A'",
        " L=1", "M=a b", "N==", "O='", 'P="a', "=q", "Q R=1", "S=é", "T='a'b", "U.V=1", "W-X=1",
    ]),
    max_size=6,
)  # fmt: skip


# Every example asks a host, so that making a failing one smaller would take for ever.
@pytest.mark.whole
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(LINES, min_size=12, max_size=12), st.lists(st.text("ab'\"\\$#{} =\té", max_size=12), min_size=10, max_size=10))
def test_env_files_mean_to_us_what_they_mean_to_compose(practice_host, files: list[list[str]], values: list[str]) -> None:
    """Whole files: the variables we find are those compose finds. Values as we write them: compose reads them to the letter."""
    if not practice_host.running():
        practice_host.up()
    written = "".join(f"V{number}={env_file.quoted(value.encode()).decode()}\n" for number, value in enumerate(values))
    texts = ["\n".join(lines) + "\n" for lines in files] + [written]
    script = ["mkdir -p /tmp/oracle; cd /tmp/oracle"]
    for number, text in enumerate(texts):
        service = json.dumps({"services": {"s": {"image": "x", "env_file": [f"{number}.env"]}}})
        for name, content in ((f"{number}.env", text), (f"{number}.yml", service)):
            script.append(f"echo {base64.b64encode(content.encode()).decode()} | base64 -d >{name}")
        script.append(f"printf =; docker compose -f {number}.yml config --format json 2>/dev/null | base64 -w0; echo")
    answers = Machine(practice_host, Path()).ssh("\n".join(script)).split("\n")
    for text, answer in zip(texts, answers, strict=True):
        meant = json.loads(base64.b64decode(answer[1:]))["services"]["s"].get("environment") or {} if answer != "=" else None
        try:
            found = {one.key for one in env_file.assignments(text.encode())}
        except Refused:
            continue  # we may understand less, and then touch nothing
        if meant is not None:
            assert found >= set(meant), text
    assert [one.key for one in env_file.assignments(written.encode())] == [f"V{number}" for number in range(len(values))], written
    meant = json.loads(base64.b64decode(answers[-1][1:]))["services"]["s"].get("environment") or {}
    assert {key: value.replace("$$", "$") for key, value in meant.items()} == {f"V{n}": value for n, value in enumerate(values)}
