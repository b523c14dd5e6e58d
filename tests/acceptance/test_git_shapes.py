"""Repositories of every shape: hooks, attributes, submodules, worktrees, shallow clones, trees of another user, names."""

import json

import pytest

from tests.acceptance.test_shapes import TREE, tree
from tests.machine import Done, Machine
from tests.marks import whole

SUB = "agents_api/vendor"


def undone_to_the_byte(machine: Machine, done: Done, before: str, image: str) -> None:
    undone = machine.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert tree(machine) == before
    assert machine.container()["Image"] == image


def in_image(machine: Machine, script: str) -> str:
    """The output of a script in the running container."""
    return machine.ssh(f"docker exec -i docker-agents-api-1 sh <<'EOF'\n{script}\nEOF")


def test_no_program_of_the_repository_is_run(broken: Machine) -> None:
    """Neither its hooks, which would fail the step, nor what watches the files for it; by root, and on a look."""
    broken.ssh(f"""printf '#!/bin/sh\necho "$0" >>/tmp/ran\nexit 1\n' >/usr/local/bin/hook; chmod +x /usr/local/bin/hook; cd {TREE}
        for name in post-checkout post-index-change reference-transaction; do ln -s /usr/local/bin/hook .git/hooks/$name; done
        git config core.fsmonitor /usr/local/bin/hook; echo '# by hand' >>README.md; rm -f /tmp/ran""")
    head, image = broken.head(), broken.container()["Image"]
    done = broken.apply("-p", "dirty=save")
    assert done.status == 0, done.out + done.err
    by_hand = (done.folder / "plan.sh").read_text().splitlines()
    assert {"export GIT_CONFIG_KEY_1=core.hooksPath", "export GIT_CONFIG_VALUE_1=/dev/null"} <= set(by_hand)
    undone = broken.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert broken.ssh("cat /tmp/ran 2>/dev/null", check=False) == ""
    assert broken.ssh(f"git -C {TREE} -c core.fsmonitor=false diff --name-only; git -C {TREE} rev-parse HEAD") == f"README.md\n{head}"
    assert broken.container()["Image"] == image


def test_an_image_is_made_of_the_files_that_a_checkout_has(broken: Machine) -> None:
    """Not of those that an archive of the commit has; the team's own build of the tree finds each layer in the cache."""
    good = broken.commit(
        "attributes",
        """printf 'prompts/* export-ignore\n*.id export-subst\n*.dos text eol=crlf\n*.up filter=up\n' >agents_api/.gitattributes
        git checkout -q HEAD~1 -- agents_api; cd agents_api; mkdir -p prompts; echo '$Format:%H$' >commit.id; echo kept >prompts/kept
        printf 'a\nb\n' >text.dos; echo lower >text.up; printf 'run\n' >run; chmod +x run; ln -s prompts/kept link
        printf 'prompts/* export-ignore\n*.id export-subst\n*.dos text eol=crlf\n*.up filter=up\n' >.gitattributes""",
    )
    broken.ssh(f"cd {TREE}; git config filter.up.smudge 'tr a-z A-Z'; git config filter.up.clean 'tr A-Z a-z'")
    before, image = tree(broken), broken.container()["Image"]
    done = broken.apply("-p", f"target={good}")
    assert done.status == 0, done.out + done.err
    said = in_image(broken, "cat prompts/kept commit.id text.up link; od -An -c text.dos; stat -c %a run")
    assert said.split() == ["kept", "$Format:%H$", "LOWER", "kept", "a", r"\r", r"\n", "b", r"\r", r"\n", "755"]
    mine = broken.container()["Image"]
    broken.ssh(f"cd {TREE}/docker; docker compose build -q agents-api >/dev/null 2>&1")
    assert broken.ssh("docker image inspect --format '{{.Id}}' docker-agents-api") == mine
    assert broken.ssh("find /var/lib/rollback/dyniq-voice/build -mindepth 1") == ""
    undone_to_the_byte(broken, done, before, image)


@pytest.mark.whole
def test_an_export_that_fails_in_its_midst_is_no_target(broken: Machine) -> None:
    broken.ssh(f"""cd {TREE}; git config filter.broken.smudge false; git config filter.broken.clean cat
        git config filter.broken.required true; echo 'agents_api/server.py filter=broken' >.git/info/attributes""")
    before, container = tree(broken), broken.container()["Id"]
    done = broken.apply()
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out + done.err
    assert "smudge filter" in (done.folder / "output" / "build.txt").read_text()
    assert (tree(broken), broken.container()["Id"]) == (before, container)


def test_env_files_are_in_the_folder_of_the_build_for_its_time(broken: Machine) -> None:
    """A build follows no link out of its folder."""
    good = broken.commit(
        "copies the env file",
        "git checkout -q HEAD~1 -- agents_api; rm -f agents_api/streaming.py; sed -i '/^.env$/d' .dockerignore\n"
        "echo 'COPY .env /env' >>agents_api/Dockerfile",
    )
    done = broken.apply("-p", f"target={good}")
    assert done.status == 0, done.out + done.err
    secret = broken.ssh(f"sha256sum <{TREE}/.env; stat -c %a {TREE}/.env")
    assert in_image(broken, "sha256sum </env; stat -c %a /env") == secret
    assert broken.ssh("find /var/lib/rollback/dyniq-voice/build -mindepth 1") == ""


@pytest.fixture
def with_submodule(clean: Machine) -> Machine:
    """A practice host whose tree has a submodule in the build folder of agents-api, with a file that compose includes; and then a bad
    commit, deployed as the team does."""
    clean.ssh("""set -e; git config --global protocol.file.allow always
        git init -q /srv/git/lib; cd /srv/git/lib; echo one >lib.txt
        echo 'networks: {extra: {}}' >part.yml; git add .; git commit -qm one""")
    clean.commit(
        "submodule", f"git submodule --quiet add /srv/git/lib {SUB}; sed -i '1i include: [../{SUB}/part.yml]' docker/docker-compose.yml"
    )
    clean.commit("bad", "sed -i 's/^def health.*/def health():\\n    raise SystemError\\n\\ndef unused():/' agents_api/server.py")
    clean.ssh(f"""set -e; cd {TREE}; git pull -q; git submodule --quiet update --init
        cd docker; docker compose build -q agents-api >/dev/null 2>&1; docker compose up -d agents-api >/dev/null 2>&1""")
    assert clean.ssh(f"cat {TREE}/{SUB}/lib.txt") == "one"
    return clean


def test_a_build_has_the_submodules_that_are_checked_out(with_submodule: Machine) -> None:
    machine = with_submodule
    before, image = tree(machine), machine.container()["Image"]
    done = machine.apply("-p", "target=HEAD~1")
    assert done.status == 0, done.out + done.err
    assert in_image(machine, "cat vendor/lib.txt; test -f vendor/.git || echo none") == "one\nnone"
    assert machine.health()[0] == 200
    undone_to_the_byte(machine, done, before, image)


def test_submodules_that_the_target_would_move_are_refused(with_submodule: Machine) -> None:
    machine = with_submodule
    before = machine.listing()
    moved = machine.rollback("-p", "target=HEAD~2")
    assert (moved.status, moved.record["verdict"]) == (3, "refused")
    assert f"other commits of the submodules {SUB}" in moved.record["reason"]
    assert "choose a target" in moved.record["reason"]
    assert machine.listing() == before
    machine.ssh(f"echo two >{TREE}/{SUB}/lib.txt")
    changed = machine.rollback("-p", "target=HEAD~1", "-p", "dirty=save")
    assert changed.status == 3
    assert f"have changes of their own, or are at another commit than the tree names ({SUB})" in changed.record["reason"]


@pytest.mark.whole
def test_a_linked_worktree(broken: Machine) -> None:
    broken.ssh(f"""set -e; cd {TREE}; git switch -q --detach; mv {TREE} /opt/main
        git -C /opt/main worktree add -q {TREE} main; cp /opt/main/.env {TREE}/; cp /opt/main/docker/.env {TREE}/docker/
        cd {TREE}/docker; docker compose up -d --force-recreate >/dev/null 2>&1""")
    assert broken.ssh(f"cat {TREE}/.git").startswith("gitdir: /opt/main/.git/worktrees/")
    broken.ssh(f"echo '# by hand' >>{TREE}/README.md")
    good, main = broken.ssh("git -C /opt/main rev-parse HEAD~1 HEAD").split()
    before, image = tree(broken), broken.container()["Image"]
    done = broken.apply("-p", "target=HEAD~1", "-p", "dirty=save")
    assert done.status == 0, done.out + done.err
    assert (broken.head(), broken.health()[0]) == (good, 200)
    assert broken.ssh("git -C /opt/main rev-parse HEAD; git -C /opt/main status --porcelain") == main
    undone_to_the_byte(broken, done, before, image)


@pytest.mark.whole
def test_a_shallow_clone(broken: Machine) -> None:
    broken.ssh(f"""set -e; cd {TREE}; old=$(git rev-parse HEAD~3); echo $old >/tmp/old
        git clone -q --depth=2 file:///srv/git/dyniq-voice.git /tmp/shallow; rm -rf .git; mv /tmp/shallow/.git .git; rm -rf /tmp/shallow""")
    beyond = broken.rollback("-p", f"target={broken.ssh('cat /tmp/old')}")
    assert (beyond.status, beyond.record["verdict"]) == (3, "refused")
    assert f"git -C {TREE} fetch --unshallow" in beyond.record["reason"]
    before, image = tree(broken), broken.container()["Image"]
    done = broken.apply("-p", "target=HEAD~1")
    assert done.status == 0, done.out + done.err
    assert "a shallow clone" in (done.folder / "plan.json").read_text()
    assert "not whole: a shallow clone" in (done.folder / "notebook.html").read_text()
    assert broken.health()[0] == 200
    undone_to_the_byte(broken, done, before, image)


@pytest.mark.parametrize("shared", [*whole(False), True])
def test_a_tree_of_another_user_stays_theirs(broken: Machine, shared: bool) -> None:
    """Rolled back and undone by root; what git made there is the owner's, and what was somebody else's is still theirs."""
    good = broken.commit("new folders", "git checkout -q HEAD~1 -- agents_api scripts; rm -f agents_api/streaming.py\n"
                         "mkdir -p 'agents_api/new one/deep'; echo x >'agents_api/new one/deep/file'")  # fmt: skip
    broken.ssh(f"""set -e; useradd -m deploy; chown -R deploy:deploy {TREE} /srv/git
        mkdir {TREE}/docker/data; echo x >{TREE}/docker/data/rows; chown -R 4999:4999 {TREE}/docker/data
        echo docker/data >>{TREE}/.git/info/exclude; echo '# by hand' >>{TREE}/README.md; chown root {TREE}/.env""")
    if shared:
        broken.ssh(f"cd {TREE}; find . -name .git -prune -o -type d -exec chmod g+w {{}} +")
        broken.ssh(f"su deploy -c 'git -C {TREE} config core.sharedRepository group'")
    owned = f"cd {TREE}; find . ! -user deploy -printf '%p %u:%g\\n' | sort"
    others, before, image = broken.ssh(owned), tree(broken), broken.container()["Image"]
    assert others.splitlines() == ["./.env root:deploy", "./docker/data 4999:4999", "./docker/data/rows 4999:4999"]
    done = broken.apply("-p", f"target={good}", "-p", "dirty=save")
    assert done.status == 0, done.out + done.err
    assert broken.ssh(owned) == others
    made = broken.ssh(f"cd '{TREE}/agents_api/new one'; stat -c %a . deep deep/file").split()
    assert "chown -h" in (done.folder / "plan.sh").read_text()
    assert made == (["775", "775", "664"] if shared else ["755", "755", "644"])
    broken.ssh(f"su deploy -c 'cd {TREE} && git checkout -q main && git checkout -q -'")  # to and fro, as the owner
    undone = broken.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert broken.ssh(owned) == others
    assert tree(broken) == before
    assert broken.container()["Image"] == image
    broken.ssh(f"su deploy -c 'cd {TREE} && git checkout -q . && git pull -q'")
    assert broken.ssh(f"su deploy -c 'git -C {TREE} rev-parse HEAD'") == good


def test_names_of_every_kind(broken: Machine) -> None:
    names = ("-rf", "tab\tin", "line\nin", "é ü", "$(touch x)", "*")
    listed = " ".join("'" + name + "'" for name in names)
    good = broken.commit(
        "names",
        f"""git checkout -q HEAD~1 -- agents_api scripts; rm -f agents_api/streaming.py; mkdir agents_api/names
        cd agents_api/names; for name in {listed}; do echo x >"./$name"; mkdir "./in $name"; echo x >"./in $name/file"; done""",
    )
    before, image = tree(broken), broken.container()["Image"]
    done = broken.apply("-p", f"target={good}")
    assert done.status == 0, done.out + done.err
    there = broken.ssh(f'cd {TREE}/agents_api/names; for name in {listed}; do cat "./$name" "./in $name/file"; done')
    assert there.split() == ["x"] * 12
    planned = json.loads((done.folder / "plan.json").read_text())
    assert "restored" in str(planned["loses"])
    undone_to_the_byte(broken, done, before, image)
    broken.ssh(f'mkdir -p {TREE}/agents_api/names; cd {TREE}/agents_api/names; for name in {listed}; do echo mine >"./$name"; done')
    refused = broken.rollback("-p", f"target={good}")
    assert refused.status == 3
    assert "stand where the target has files of its own" in refused.record["reason"]


def test_a_file_where_the_target_has_a_folder_is_in_the_way(broken: Machine) -> None:
    broken.ssh(f"echo 'agents_api/prompts' >>{TREE}/.git/info/exclude; rm -rf {TREE}/agents_api/prompts")
    good = broken.commit("folder", "mkdir agents_api/cache; echo x >agents_api/cache/file")
    broken.ssh(f"cd {TREE}; git checkout -q -- . ; echo mine >agents_api/cache")
    refused = broken.rollback("-p", f"target={good}")
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert "agents_api/cache" in refused.record["reason"]


def test_what_git_is_in_the_midst_of_is_not_ended(broken: Machine) -> None:
    broken.ssh(f"""cd {TREE}; git checkout -q -b other HEAD~1; echo other >>agents_api/server.py; git commit -qam other
        git checkout -q main; echo main >>agents_api/server.py; git commit -qam main; git merge -q other >/dev/null 2>&1 || :""")
    before = broken.listing()
    refused = broken.apply("-p", "dirty=save")
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert f"in the middle of a merge in {TREE}" in refused.record["reason"]
    assert broken.listing() == before


@pytest.mark.whole
def test_a_partial_clone_that_lacks_files_of_the_target(broken: Machine) -> None:
    """Looking fetches nothing; the plan says how they are had, and they are had before anything is touched."""
    broken.ssh(f"""set -e; git -C /srv/git/dyniq-voice.git config uploadpack.allowFilter true; cd {TREE}
        git clone -q --filter=blob:none file:///srv/git/dyniq-voice.git /tmp/partial
        rm -rf .git; mv /tmp/partial/.git .git; rm -rf /tmp/partial""")
    before = broken.listing()
    refused = broken.rollback("-p", "target=HEAD~1")
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert broken.listing() == before
    command = refused.record["reason"].split("`")[1]
    assert "diff --stat" in command
    broken.ssh(f"{command} >/dev/null; mv /srv/git/dyniq-voice.git /srv/git/gone")
    whole, image = tree(broken), broken.container()["Image"]
    done = broken.apply("-p", "target=HEAD~1")
    assert done.status == 0, done.out + done.err
    assert broken.health()[0] == 200
    undone_to_the_byte(broken, done, whole, image)


def test_changes_that_git_was_told_not_to_show(broken: Machine) -> None:
    broken.ssh(f"""cd {TREE}; git update-index --assume-unchanged agents_api/server.py; echo '# mine' >>agents_api/server.py
        git update-index --skip-worktree README.md; echo mine >>README.md""")
    refused = broken.apply()
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert "whose changes git was told not to show (agents_api/server.py)" in refused.record["reason"]
    broken.ssh(f"cd {TREE}; git update-index --no-assume-unchanged agents_api/server.py; git checkout -q agents_api/server.py")
    before, image = tree(broken), broken.container()["Image"]
    done = broken.apply()
    assert done.status == 0, done.out + done.err
    assert "not to show changes of README.md" in (done.folder / "plan.json").read_text()
    assert broken.ssh(f"tail -n 1 {TREE}/README.md") == "mine"
    undone_to_the_byte(broken, done, before, image)


def test_a_folder_that_cannot_be_written_to_is_found_by_the_plan(broken: Machine) -> None:
    broken.ssh(f"cd {TREE}/agents_api; mount --bind . .; mount -o remount,ro,bind .")
    refused = broken.apply()
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert f"root may not write to {TREE}/agents_api" in refused.record["reason"]


@pytest.mark.whole
def test_a_caddyfile_that_a_filter_makes(clean: Machine) -> None:
    """What stands in the commit is not what a checkout writes."""
    clean.ssh(f"""set -e; cd {TREE}; git config filter.swap.smudge 'sed s/secret-name/agents-api/'
        git config filter.swap.clean 'sed s/agents-api/secret-name/'; echo 'Caddyfile filter=swap' >docker/.gitattributes
        git add --renormalize .; git add .; git commit -qm filtered; git show HEAD:docker/Caddyfile | grep -q secret-name""")
    good = clean.ssh(f"sha256sum <{TREE}/docker/Caddyfile")
    clean.ssh(f"""set -e; cd {TREE}; sed -i 's/agents-api:8000/agents-api:1/; s/agents-api:[0-9]*/agents-api:1/' docker/Caddyfile
        git commit -qam bad; docker restart docker-caddy-1 >/dev/null""")
    done = clean.apply(procedure="caddyfile")
    assert done.status == 0, done.out + done.err
    assert clean.ssh(f"sha256sum <{TREE}/docker/Caddyfile") == good
    assert clean.health()[0] == 200
