"""Hosts of another shape than the practice host's own: checkouts that die, replicas, another project directory, exported variables."""

from pathlib import Path

import pytest
import yaml

from tests.faults import thaw
from tests.machine import Machine
from tests.marks import whole

TREE = "/opt/dyniq-voice"
SHOP = "/opt/shop"
UP = f"docker compose --project-directory {SHOP} -p market -f {SHOP}/deploy/compose.yml"

# A filter through which git puts files into the tree; it dies when it is a checkout of ours that asks.
DIES = {
    "filter fails": "exit 1",
    "git is killed": "kill -s KILL $(pgrep -f 'git .*checkout --quiet --force')",
}


def flaky_filter(machine: Machine, dies: str) -> None:
    machine.ssh(f"""cat >/usr/local/bin/flaky <<'EOF'
#!/bin/sh
if pgrep -f 'git .*checkout --quiet --force' >/dev/null; then {dies}; fi
cat
EOF
        chmod +x /usr/local/bin/flaky; cd {TREE}
        git config filter.flaky.smudge flaky; git config filter.flaky.clean cat; git config filter.flaky.required true
        echo 'agents_api/server.py filter=flaky' >.git/info/attributes""")


def tree(machine: Machine) -> str:
    """The exact content of the tree, and its state according to git."""
    return machine.ssh(f"""export GIT_OPTIONAL_LOCKS=0
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
        cd {TREE}; git rev-parse HEAD; git symbolic-ref HEAD; git status --porcelain --ignored
        git ls-files -s | sha256sum
        find . -path ./.git -prune -o -printf '%p %y %m %U %G ' -a -type f -exec sha256sum {{}} \\; -o -printf '\\n' | sort""")


@pytest.mark.parametrize("dies", DIES)
def test_a_checkout_that_dies_in_its_midst_is_undone_to_the_byte(broken: Machine, dies: str) -> None:
    flaky_filter(broken, DIES[dies])
    before, image = tree(broken), broken.container()["Image"]
    done = broken.apply("--on-failure", "undo")
    assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out + done.err
    assert tree(broken) == before
    assert broken.container()["Image"] == image


def test_a_checkout_that_died_is_finished_by_a_resumed_run(broken: Machine) -> None:
    flaky_filter(broken, DIES["git is killed"])
    good = broken.ssh(f"git -C {TREE} rev-parse HEAD~1")
    done = broken.apply()
    assert (done.status, done.record["verdict"]) == (5, "failed-partly"), done.out + done.err
    assert "git status" not in done.record["reason"]
    broken.ssh("printf '#!/bin/sh\\ncat\\n' >/usr/local/bin/flaky")
    resumed = broken.resume(done.folder)
    assert resumed.status == 0, resumed.out + resumed.err
    assert (broken.head(), broken.health()[0]) == (good, 200)
    assert broken.ssh(f"git -C {TREE} status --porcelain") == ""


@pytest.mark.whole
def test_a_half_done_step_is_not_run_again_over_a_repair(broken: Machine) -> None:
    """The checkout died; a colleague mended a file by hand. That is neither of the target nor of before: nobody overwrites it."""
    flaky_filter(broken, DIES["git is killed"])
    done = broken.apply()
    assert done.status == 5
    broken.ssh(f"cd {TREE}; rm -f .git/index.lock; echo '# mended by hand' >>README.md")
    resumed = broken.resume(done.folder)
    assert (resumed.status, resumed.record["verdict"]) == (5, "failed-partly"), resumed.out + resumed.err
    assert "paths that somebody else changed is README.md" in resumed.out
    assert broken.ssh(f"tail -n 1 {TREE}/README.md") == "# mended by hand"


def replicas(machine: Machine) -> list[list[str]]:
    """Name, image and id of each running container of agents-api."""
    listed = "docker ps --quiet --filter label=com.docker.compose.service=agents-api"
    shown = machine.ssh(f"docker inspect --format '{{{{.Name}}}} {{{{.Image}}}} {{{{.Id}}}}' $({listed})")
    return sorted(line.split() for line in shown.splitlines())


@pytest.mark.parametrize("scenario", ["code", *whole("image", "env")])
def test_three_replicas_stay_three(clean: Machine, scenario: str) -> None:
    prod = " -f docker-compose.yml -f docker-compose.prod.yml" if scenario == "image" else ""
    clean.host.break_(scenario)
    clean.ssh(f"cd {TREE}/docker; docker compose{prod} up -d --no-build --scale agents-api=3 agents-api >/dev/null 2>&1")
    before = replicas(clean)
    assert len(before) == 3

    done = clean.apply(procedure=scenario)
    assert done.status == 0, done.out + done.err
    after = replicas(clean)
    assert [name for name, _, _ in after] == [name for name, _, _ in before]
    assert len({image for _, image, _ in after}) == 1
    assert not {one for *_, one in after} & {one for *_, one in before}
    assert clean.health()[0] == 200

    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert [(name, image) for name, image, _ in replicas(clean)] == [(name, image) for name, image, _ in before]


@pytest.fixture
def shop(clean: Machine) -> Machine:
    """A second stack on the host, with two services in one repository. Compose is called with a project directory, a project name, and a
    file in a subfolder; a variable was exported when the stack was deployed. The second commit changes one of the services and the name
    of its image."""
    clean.ssh(f"""set -e
        mkdir -p {SHOP}/web {SHOP}/worker {SHOP}/deploy {SHOP}/data; cd {SHOP}; git init -q -b main
        git config user.name shop; git config user.email shop@example.org
        for one in web worker; do
            printf 'FROM python:3.13-slim\\nCOPY version /version\\nCMD ["sleep", "infinity"]\\n' >$one/Dockerfile; echo one >$one/version
        done
        cat >deploy/compose.yml <<'EOF'
services:
  web:
    image: shop-web:one
    build: ./web
    init: true
    volumes: ["./data:/data"]
    environment:
      GREETING: ${{GREETING:-}}
      REGION: ${{REGION:-nowhere}}
  worker:
    build: ./worker
    init: true
EOF
        echo REGION=north >.env; echo .env >.gitignore; echo data >>.gitignore
        git add .; git commit -q -m 'first version'
        {UP} build -q >/dev/null 2>&1; {UP} up -d >/dev/null 2>&1
        sed -i 's/shop-web:one/shop-web:two/' deploy/compose.yml; echo two >web/version; git commit -qam 'second version'
        {UP} build -q >/dev/null 2>&1; {UP} up -d >/dev/null 2>&1""")
    return clean


def stack(machine: Machine, **more: object) -> Path:
    def change(content: dict) -> None:
        keep = {key: content[key] for key in ("host", "ssh_config", "routes", "health")}
        content.clear()
        content |= {**keep, "name": "shop", "tree": SHOP, "compose_directory": SHOP, "code": {"services": ["web", "worker"]}, **more}

    return machine.edited_stack(change)


def look(machine: Machine, service: str) -> dict[str, str]:
    shown = "{{.Id}} {{.Config.Image}} {{range .Mounts}}{{.Source}} {{end}}{{range .Config.Env}}{{.}} {{end}}"
    words = machine.ssh(f"docker inspect market-{service}-1 --format '{shown}'").split()
    version = machine.ssh(f"docker exec market-{service}-1 cat /version")
    return {
        "id": words[0],
        "image": words[1],
        "version": version,
        "rest": " ".join(sorted(word for word in words[2:] if "=" in word or "/" in word)),
    }


def test_a_project_directory_two_services_and_the_name_that_the_target_gives_its_image(shop: Machine) -> None:
    before, worker = look(shop, "web"), look(shop, "worker")
    assert before["version"] == "two"
    named = "docker image inspect --format '{{.Id}}' shop-web:one"
    one = shop.ssh(named)
    done = shop.apply(stack=stack(shop))
    assert done.status == 0, done.out + done.err
    after = look(shop, "web")
    assert (after["version"], after["image"]) == ("one", "shop-web:one")
    assert after["rest"] == before["rest"]
    assert f"{SHOP}/data" in after["rest"]
    assert "REGION=north" in after["rest"]
    assert look(shop, "worker") == worker
    assert "worker: nothing in worker differs" in (done.folder / "plan.json").read_text()
    assert shop.ssh(f"{UP} ps --format '{{{{.Name}}}} {{{{.Image}}}}' web") == "market-web-1 shop-web:one"

    undone = shop.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert {**look(shop, "web"), "id": ""} == {**before, "id": ""}
    assert shop.ssh(named) == one


def test_what_was_exported_at_a_deploy_is_not_blanked_without_a_word(shop: Machine) -> None:
    shop.ssh(f"GREETING=hello-from-a-shell {UP} up -d web >/dev/null 2>&1")
    before = look(shop, "web")
    refused = shop.apply(stack=stack(shop))
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert "market-web-1 has other values of GREETING than the files give" in refused.record["reason"]
    assert "checked=drift" in refused.record["reason"]
    assert "hello-from-a-shell" not in refused.everything()
    assert look(shop, "web") == before
    accepted = shop.apply("--checked", "drift", stack=stack(shop))
    assert accepted.status == 0, accepted.out + accepted.err
    assert look(shop, "web")["version"] == "one"


@pytest.mark.whole
def test_how_compose_was_called_is_known_or_it_is_refused(shop: Machine) -> None:
    first = shop.apply(stack=stack(shop))
    assert first.status == 0, first.out + first.err
    shop.ssh(f"git -C {SHOP} checkout -q main; {UP} down >/dev/null 2>&1")
    # The ledger knows it.
    by_ledger = shop.rollback("-p", "target=main", stack=stack(shop))
    assert by_ledger.status == 0, by_ledger.out
    call = f"--project-directory {SHOP} -p market -f {SHOP}/deploy/compose.yml"
    assert call in (by_ledger.folder / "plan.sh").read_text()
    shop.ssh("rm /var/lib/rollback/shop/releases.jsonl")
    refused = shop.rollback("-p", "target=main", stack=stack(shop))
    assert refused.status == 3
    assert "write it into the stack shop: compose: {project: NAME, files: [/PATH, …]}" in refused.record["reason"]
    said = {"project": "market", "files": [f"{SHOP}/deploy/compose.yml"]}
    done = shop.apply("-p", "target=main", stack=stack(shop, compose=said))
    assert done.status == 0, done.out + done.err
    assert look(shop, "web")["version"] == "two"


def test_a_reviewed_plan_binds_the_content_of_what_it_puts_in_place(clean: Machine) -> None:
    """The kept version is another one by now, of the same size and time."""
    clean.host.break_("env")
    planned = clean.rollback(procedure="env")
    kept = f"{TREE}/.env.bak"
    clean.ssh(f"touch -r {kept} /tmp/then; sed -i 's/^MODEL=.*/MODEL=other-model/' {kept}; touch -r /tmp/then {kept}")
    before = clean.listing()
    done = clean.apply("--plan", planned.record["plan"], procedure="env")
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
    assert clean.listing() == before


def test_what_somebody_adds_to_the_file_of_the_choice_meanwhile_stays(clean: Machine) -> None:
    """Between the copy that is kept and the write there is a pull, which may take minutes."""
    clean.host.break_("image")
    # The registry's answer waits until somebody has written to the file.
    with clean.stopped_in("image", "pull", 0) as scene:
        clean.ssh(f"echo ADDED=meanwhile >>{TREE}/docker/.env")
        thaw(scene)
        out, err = scene.run.communicate(timeout=120)
    (folder,) = clean.folders()
    assert scene.run.returncode == 3, out + err
    assert clean.ssh(f"cat {TREE}/docker/.env").endswith("ADDED=meanwhile")
    assert yaml.safe_load((folder / "record.json").read_text())["verdict"] == "refused"


def test_after_the_host_undid_by_itself_no_further_step_is_started(broken: Machine) -> None:
    before, image = tree(broken), broken.container()["Image"]
    with broken.stopped_in("code", "restore_tree", 2, "--revert-after", "2s") as scene:
        broken.ssh(f"timeout 60 sh -c 'until [ -d {scene.job}/../revert/decided ]; do sleep 0.1; done'")
        thaw(scene)
        out, err = scene.run.communicate(timeout=120)
    assert scene.run.returncode == 4, out + err
    assert "undid the rollback by itself" in out
    assert tree(broken) == before
    assert broken.container()["Image"] == image
    assert broken.ssh(f"cat {scene.job}/../recreate/exit").strip() != "0"
