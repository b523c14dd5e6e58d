"""The code rollback on the practice host: effects on the host, traps of the page included."""

import hashlib
import json
import re
import shlex
import sys
from datetime import datetime

import pytest

from tests.machine import Machine
from tests.marks import whole

TREE = "/opt/dyniq-voice"
# Runs a command, and says last of all how large the largest of its processes was, in KiB.
LARGEST = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def exact(machine: Machine, sha: str) -> bool:
    """Whether the tree has exactly the files of the commit, with the same modes and contents, and no other file that git would track."""
    return (
        machine.ssh(f"""cd {TREE} && git diff --quiet {sha} -- && git status --porcelain && git ls-files -s | sort >/tmp/a
        git ls-tree -r {sha} | awk '{{print $1, $3, 0"\\t"$4}}' | sort >/tmp/b; cmp /tmp/a /tmp/b && rm /tmp/a /tmp/b""")
        == ""
    )


def test_from_broken_to_healthy_and_back_again(broken: Machine) -> None:
    good, bad = broken.ssh(f"cd {TREE} && git rev-parse HEAD~1 HEAD").split()
    before = broken.container()
    secrets = re.findall(r"=(.+)", broken.ssh(f"cat {TREE}/.env"))[:1] + re.findall(r"sk-lab-\w+", broken.ssh(f"cat {TREE}/.env"))
    logins = broken.logins()

    done = broken.apply("-p", "reason=it answers 500")

    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.err + done.out
    assert done.record["target"] == good
    # It was down before: that is no outage by the rollback, and the chart says the same.
    since = datetime.fromisoformat(done.record["failing_since"])
    assert done.record["outage_by_rollback_seconds"] == 0
    assert re.search(rf">failing since {since:%H:%M:%S} UTC at least, healthy at [\d:]+</text>", (done.folder / "report.html").read_text())
    assert broken.logins() == logins + 1  # one connection per run
    assert exact(broken, good)
    files = broken.ssh(f"cd {TREE}; ls agents_api agents_api/prompts; stat -c %a scripts/smoke.sh; git rev-parse HEAD")
    assert "streaming.py" not in files
    assert "fallback.txt" in files
    assert files.endswith(f"755\n{good}")
    after = broken.container()
    kept = broken.ssh(f"docker image inspect --format '{{{{.Id}}}}' rollback/dyniq-voice/agents-api:{good} docker-agents-api")
    assert {after["Image"]} == set(kept.split())
    assert after["Id"] != before["Id"]
    assert broken.health() == (200, '{"status": "ok", "version": "1.2.0", "agents": 12}')
    assert broken.health("ruben-api")[0] == 200

    # One connection, and no secret in anything that was written.
    assert len(secrets) == 2
    assert not any(secret in done.everything() for secret in secrets)
    notebook = json.loads((done.folder / "notebook.ipynb").read_text())
    assert {cell["metadata"]["papermill"]["status"] for cell in notebook["cells"]} == {"completed"}
    assert "Verdict: succeeded" in (done.folder / "notebook.html").read_text()

    # The next pull does not bring the bad commit back.
    assert "not currently on a branch" in broken.ssh(f"cd {TREE}; git pull 2>&1", check=False)

    # The way back, by hand, from the record alone.
    broken.ssh((done.folder / "undo.sh").read_text())
    assert broken.ssh(f"cd {TREE} && git rev-parse HEAD && git branch --show-current") == f"{bad}\nmain"
    assert broken.container()["Image"] == before["Image"]
    assert broken.health()[0] == 500

    # And forward again: known good by now, and started from the kept image, with nothing built.
    again = broken.apply()
    assert (again.status, again.record["target"]) == (0, good)
    assert next(event for event in again.events if event["event"] == "target")["why"].startswith("the newest release that was healthy")
    assert [event["step"] for event in again.events if event["event"] == "step-begin"] == ["keep", "restore_tree", "recreate", "remember"]
    assert broken.container()["Image"] == after["Image"]


def test_plan_mode_changes_nothing(broken: Machine) -> None:
    before = broken.listing()
    done = broken.rollback()
    assert (done.status, done.record["verdict"]) == (0, "planned")
    assert broken.listing() == before
    assert "docker tag" in (done.folder / "plan.sh").read_text()
    assert "Plan only, not run" in (done.folder / "notebook.html").read_text()


def test_plan_and_undo_scripts_do_what_the_notebook_does(broken: Machine) -> None:
    good = broken.ssh(f"git -C {TREE} rev-parse HEAD~1")
    done = broken.rollback()
    broken.ssh((done.folder / "plan.sh").read_text())
    assert broken.head() == good
    assert exact(broken, good)
    assert broken.container()["Image"] == broken.ssh(f"docker image inspect --format '{{{{.Id}}}}' rollback/dyniq-voice/agents-api:{good}")


def test_without_the_right_confirmation_nothing_is_contacted(broken: Machine) -> None:
    before = broken.listing()
    for words in (["--apply"], ["--apply", "--confirm", "other"]):
        done = broken.rollback(*words)
        assert (done.status, done.folder) == (2, None)
        assert "--confirm contabo" in done.err
    assert broken.listing() == before


def test_a_dirty_tree_is_refused_then_saved(broken: Machine) -> None:
    broken.ssh(
        f"cd {TREE} && echo '# by hand' >>agents_api/server.py && echo staged >>README.md && git add README.md && echo mine >notes.txt"
    )
    dirty = broken.ssh(f"cd {TREE} && git diff HEAD")
    before = broken.listing()

    refused = broken.apply()
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert "agents_api/server.py" in refused.record["reason"]
    assert "dirty=save" in refused.out
    assert broken.listing() == before

    saved = broken.apply("-p", "dirty=save")
    assert saved.status == 0, saved.out
    assert exact(broken, saved.record["target"]) is False  # notes.txt, not known to git, is still there
    assert broken.ssh(f"cat {TREE}/notes.txt") == "mine"
    assert broken.ssh(f"cd {TREE} && git stash show -p stash@{{0}}") == dirty

    broken.ssh((saved.folder / "undo.sh").read_text())
    assert broken.ssh(f"cd {TREE} && git diff HEAD") == dirty
    assert broken.ssh(f"cd {TREE} && git diff --cached --name-only") == "README.md"


def test_a_file_in_the_way_is_refused_even_when_ignored(broken: Machine) -> None:
    broken.ssh(f"cd {TREE} && echo agents_api/prompts/fallback.txt >>.git/info/exclude && echo mine >agents_api/prompts/fallback.txt")
    before = broken.listing()
    done = broken.apply()
    assert done.status == 3
    assert "agents_api/prompts/fallback.txt" in done.record["reason"]
    assert broken.listing() == before


def test_the_current_commit_is_nothing_to_do(clean: Machine) -> None:
    before = clean.listing()
    done = clean.apply("-p", f"target={clean.head()}")
    assert (done.status, done.record["verdict"]) == (0, "nothing-to-do"), done.out
    assert clean.listing() == before


@pytest.mark.whole
def test_the_current_commit_is_refused_when_it_is_not_well(broken: Machine) -> None:
    done = broken.apply("-p", f"target={broken.head()}")
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert "choose another target" in done.record["reason"]


def shaped(machine: Machine) -> tuple[str, str, str]:
    """Make commits of the good tree, each with another message. Returns the id of one that begins with a zero and six digits, of one that
    begins like a number with an exponent, and the four digits with which the ids of two begin."""
    parent = machine.ssh(f"git -C {TREE} rev-parse HEAD~1")
    tree, author, committer = machine.ssh(f"git -C {TREE} cat-file commit {parent} | grep -E '^(tree|author|committer) '").splitlines()
    texts: dict[str, str] = {}
    zero = exponent = twins = ""
    while not (zero and exponent and twins):
        text = "\n".join((tree, f"parent {parent}", author, committer, "", f"take {len(texts)}", ""))
        sha = hashlib.sha1(f"commit {len(text.encode())}\0{text}".encode()).hexdigest()
        zero = sha if re.match(r"0\d{6}", sha) else zero
        exponent = sha if re.fullmatch(r"\d+e\d+", sha[:7]) else exponent
        twins = sha[:4] if any(other.startswith(sha[:4]) for other in texts) else twins
        texts[sha] = text
    for sha in texts:
        if sha in (zero, exponent) or sha.startswith(twins):
            made = machine.ssh(f"printf %s {shlex.quote(texts[sha])} | git -C {TREE} hash-object -t commit -w --stdin")
            assert made == sha
    machine.ssh(f"cd {TREE}; git tag keep-zero {zero}; git tag keep-exp {exponent}")
    return zero, exponent, twins


def test_short_ids_that_look_like_numbers_and_ambiguous_ones(broken: Machine) -> None:
    zero, exponent, twins = shaped(broken)

    planned = broken.rollback("-p", f"target={exponent[:7]}")
    assert (planned.status, planned.record["target"]) == (0, exponent)
    ambiguous = broken.apply("-p", f"target={twins}")
    assert ambiguous.status == 3
    assert "more than one" in ambiguous.record["reason"]
    done = broken.apply("-p", f"target={zero[:7]}")
    assert (done.status, broken.head()) == (0, zero)


def test_an_unknown_target_is_refused(broken: Machine) -> None:
    before = broken.listing()
    done = broken.apply("-p", "target=feedface")
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert "'feedface' names no commit" in done.out
    assert broken.listing() == before


def test_a_target_that_does_not_build_leaves_everything_as_it_was(clean: Machine) -> None:
    unbuildable = clean.commit("break the build", "echo 'RUN exit 7' >>agents_api/Dockerfile")
    before, container = clean.listing(), clean.container()["Id"]
    done = clean.apply("-p", f"target={unbuildable}")
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert "build" in done.record["reason"]
    assert (clean.container()["Id"], clean.health()[0]) == (container, 200)

    def stack_alone(text: str) -> list[str]:
        """Without our own folder, and what docker's builder notes of its builds."""
        return [
            line for line in text.splitlines() if not re.match(r"/var/lib/rollback|find: |/tmp |/root(/.docker.*)? d|/root/.docker", line)
        ]

    assert stack_alone(clean.listing()) == stack_alone(before)
    assert clean.ssh("find /var/lib/rollback -type f -not -path '*/lock/*' -not -path '*/jobs/*'") == ""
    states = [cell["metadata"]["papermill"]["status"] for cell in json.loads((done.folder / "notebook.ipynb").read_text())["cells"]]
    failed = states.index("failed")
    assert set(states[:failed]) == {"completed"}
    assert "completed" not in [
        state for state, cell in zip(states, json.loads((done.folder / "notebook.ipynb").read_text())["cells"], strict=True)
        if states.index(state) > failed and cell["cell_type"] == "code"
    ]  # fmt: skip


@pytest.mark.parametrize("policy", [*whole("undo"), "stop"])
def test_a_target_that_is_unhealthy(clean: Machine, policy: str) -> None:
    sick = clean.commit(
        "answer nothing", "sed -i 's/^def health.*/def health():\\n    raise SystemError\\n\\ndef unused():/' agents_api/server.py"
    )
    head, image = clean.head(), clean.container()["Image"]
    quick = clean.incidents.parent / "quick.yaml"
    quick.write_text(clean.stack.read_text().replace("deadline: 20.0", "deadline: 3.0"))

    done = clean.apply("-p", f"target={sick}", "--on-failure", policy, stack=quick)

    if policy == "undo":
        assert (done.status, done.record["verdict"]) == (4, "failed-restored")
    else:
        assert (done.status, done.record["verdict"]) == (5, "failed-partly")
        assert clean.head() == sick
        assert "undo.sh" in done.out
        clean.ssh((done.folder / "undo.sh").read_text())
    assert clean.ssh(f"cd {TREE} && git rev-parse HEAD && git branch --show-current") == f"{head}\nmain"
    assert clean.container()["Image"] == image
    assert eventually_healthy(clean)
    assert "healthy" not in clean.ssh("cat /var/lib/rollback/dyniq-voice/releases.jsonl 2>/dev/null", check=False)


def eventually_healthy(machine: Machine) -> bool:
    return (
        machine.ssh("""for n in $(seq 300); do
        curl -fsSk --connect-to ::127.0.0.1: https://agents-api.dyniq.ai/health >/dev/null 2>&1 && echo yes && break; sleep 0.1; done""")
        == "yes"
    )


def test_a_service_without_container_is_brought_back(broken: Machine) -> None:
    broken.ssh("docker rm -f docker-agents-api-1")
    done = broken.apply()
    assert done.status == 0, done.out
    assert broken.health()[0] == 200


@pytest.mark.whole
def test_much_output_is_bounded_and_said_so(broken: Machine) -> None:
    broken.ssh(f"""cat >/usr/local/bin/noisy <<'EOF'
#!/bin/sh
if pgrep -f 'git .*checkout --quiet --force' >/dev/null; then yes %0100d | head -c 100000000 >&2; fi
cat
EOF
        chmod +x /usr/local/bin/noisy; cd {TREE}; git config filter.noisy.smudge noisy; git config filter.noisy.clean cat
        echo 'agents_api/server.py filter=noisy' >.git/info/attributes""")
    done = broken.apply(by=[sys.executable, "-c", LARGEST])
    assert done.status == 0, done.out
    assert int(done.err.rsplit(maxsplit=1)[-1]) < 150_000
    ended = next(event for event in done.events if event["event"] == "step-end" and event["step"] == "restore_tree")
    assert ended["bytes_not_kept"] > 99_000_000
    kept = (done.folder / "output" / "restore_tree.txt").read_text()
    assert "bytes of output are not kept" in kept
    assert len(kept) < 200_000
    assert sum(file.stat().st_size for file in done.folder.rglob("*")) < 2_000_000
    assert "lines are not shown" in (done.folder / "notebook.html").read_text()
