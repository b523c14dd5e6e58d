"""The questions to git, and the scripts that change the tree, with a real repository on this machine."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.commands.command import ENVIRONMENT, Command, script
from rollback_lib.facts import git
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.live import LiveHost
from rollback_lib.facts.repository import Repository, Submodule, repository, submodules, unseen, with_their_own
from rollback_lib.procedures.code import images
from rollback_lib.procedures.code import tree as of_tree
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.builders.recorded import Here
from tests.unit.procedures.test_code import state, target

NAMES = ("a\tb", "a\nb", "-rf", "--", "é ü", "*", "back\\slash", "sp ace/in ner/\n", "-n/-e", "'quo\"te", "$(touch x)", ".hidden", "ends ")


def run(*commands: Command, **more: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **ENVIRONMENT, **more}
    done = subprocess.run(["sh", "-c", script(commands)], capture_output=True, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="replace")


def ask(fact: Fact[Any], **more: str) -> Any:
    return fact.read(run(*fact.commands, **more))


class Tree:
    """A work tree with two commits, OLD and NEW. NEW is checked out."""

    def __init__(self, path: Path, *, new: bool = True) -> None:
        self.path = path
        if not new:
            return
        path.mkdir(exist_ok=True)
        self("git init -q -b main; git config user.name x; git config user.email x@example.org")

    def __call__(self, text: str) -> str:
        done = subprocess.run(["sh", "-euc", text], cwd=self.path, capture_output=True, text=True)
        assert done.returncode == 0, text + done.stderr
        return done.stdout.strip()

    def write(self, name: str, content: str = "x\n") -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def commit(self) -> str:
        return self("git add -A; git commit -qm one; git rev-parse HEAD")

    def everything(self) -> str:
        """All files except those of git, with modes and contents; and the index."""
        return self("find . -path ./.git -prune -o -printf '%p %y %m %U %G %l ' -a -type f -exec sha256sum {} \\; -o -printf '\\n' | sort"
                    "; git ls-files -s | sha256sum; git rev-parse HEAD; git symbolic-ref -q HEAD || :")  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "work")


def two_commits(work: Tree) -> tuple[str, str]:
    """Two commits: OLD has files with all kinds of names; NEW changes, removes and adds some. NEW is checked out."""
    for name in NAMES:
        work.write(name, "old\n")
    old = work.commit()
    for name in NAMES[::2]:
        (work.path / name).unlink()
    for name in NAMES[1::2]:
        work.write(name, "new\n")
    for name in NAMES:
        work.write(f"new {name}/{name}")
    return old, work.commit()


def test_every_name_is_read_to_the_letter(work: Tree) -> None:
    old, new = two_commits(work)
    path = str(work.path)
    found = {(one.kind, one.path) for one in ask(git.changes(path, new, old))}
    assert found == {
        *(("added", name) for name in NAMES[::2]), *(("modified", name) for name in NAMES[1::2]),
        *(("deleted", f"new {name}/{name}") for name in NAMES),
    }  # fmt: skip
    assert {one.path for one in ask(git.differing(path, old))} == {path for _, path in found}
    assert ask(git.in_the_way(path, new, old)) == []
    for name in NAMES:
        work.write(name, "in the way, or dirty\n")
    assert ask(git.in_the_way(path, new, old)) == sorted(NAMES[::2])
    assert ask(git.head(path)).dirty == tuple(sorted(NAMES[1::2], key=str.encode))


def test_a_file_or_a_link_that_stands_where_the_target_has_a_folder_is_in_the_way(work: Tree) -> None:
    work.write("file/a/b")
    work.write("link/a")
    work.write("folder/a")
    old = work.commit()
    new = work("git rm -qr .; git commit -q --allow-empty -m two; git rev-parse HEAD")
    work.write("file", "mine\n")
    work.write("folder/mine")
    work.write("elsewhere/mine")
    work("ln -s elsewhere link")
    assert ask(git.in_the_way(str(work.path), new, old)) == ["file", "link"]


def test_changes_of_links_are_told_apart(work: Tree) -> None:
    work("ln -s nowhere link")
    work.commit()
    found = set()
    for where in ("nowhere", "elsewhere", "/etc"):
        work(f"ln -sfn {where} link")
        head = ask(git.head(str(work.path)))
        assert head.dirty == (() if where == "nowhere" else ("link",))
        found.add(head.content)
    assert len(found) == 3


def test_nothing_that_only_looks_runs_a_program_of_the_repository(work: Tree, tmp_path: Path) -> None:
    old, new = two_commits(work)
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >>{ran}; exit 1\n')
    program.chmod(0o755)
    work(f"""for hook in post-checkout post-index-change reference-transaction pre-commit fsmonitor-watchman; do
            ln -s {program} .git/hooks/$hook; done
        git config core.fsmonitor {program}; git config diff.external {program}; git config diff.mine.textconv {program}
        git config log.showSignature true; git config gpg.program {program}; git config core.pager {program}
        echo '* diff=mine' >.git/info/attributes""")
    work.write(NAMES[1], "changed\n")
    path = str(work.path)
    before = work.everything(), sorted((work.path / ".git").rglob("*"))
    ran.unlink(missing_ok=True)
    stats = {file: file.lstat().st_mtime_ns for file in before[1]}
    for fact in (git.head(path), git.log(path), git.reflog(path), git.resolve(path, old), git.changes(path, old, new), repository(path),
                 git.differing(path, old), git.diff(path, old, new), git.in_the_way(path, new, old), git.file_history(path, NAMES[1]),
                 git.blob_at(path, "HEAD", NAMES[1]), git.file_at(path, NAMES[1])):  # fmt: skip
        ask(fact)
    submodules(LiveHost(Here(), Redactor(), Key()), path, old)
    assert not ran.exists(), ran.read_text()
    assert {file: file.lstat().st_mtime_ns for file in sorted((work.path / ".git").rglob("*"))} == stats


def test_what_git_is_in_the_midst_of_and_where_the_tree_is(work: Tree, tmp_path: Path) -> None:
    work.write("folder/a")
    work.commit()
    assert ask(repository(str(work.path))) == Repository(folders=(f"{work.path}/.git",))
    assert ask(repository(str(work.path / "folder"))).inside == "folder"
    work("git switch -qc other; echo 2 >folder/a; git commit -qam 2; git switch -q main; echo 3 >folder/a; git commit -qam 3")
    work("git merge -q other || :")
    assert ask(repository(str(work.path))).pending == "merge"
    work("git merge --abort; git rebase -q other 2>/dev/null || :")
    assert ask(repository(str(work.path))).pending == "rebase"
    work("git rebase --abort; chmod g+w .")
    assert ask(repository(str(work.path))).shared
    shallow = Tree(tmp_path / "shallow")
    shallow(f"git fetch -q --depth=1 {work.path} main; git checkout -q FETCH_HEAD")
    assert ask(repository(str(shallow.path))).shallow


def test_submodules_that_are_checked_out_and_theirs(work: Tree, tmp_path: Path) -> None:
    inner, outer = Tree(tmp_path / "inner"), Tree(tmp_path / "outer")
    for one in (inner, outer):
        one.write("file")
        one.commit()
    add = "git -c protocol.file.allow=always submodule --quiet add"
    outer(f"{add} {inner.path} 'in ner'; git commit -qm sub")
    work(f"{add} {outer.path} 'vendor/a\tb'; {add} {inner.path} empty; git commit -qm sub; git submodule --quiet deinit empty")
    work("git -c protocol.file.allow=always submodule --quiet update --init --recursive 'vendor/a\tb'")
    host, tree = LiveHost(Here(), Redactor(), Key()), str(work.path)
    found = with_their_own(host, tree, host.ask(submodules(tree, "HEAD")).result())
    ids = [outer("git rev-parse HEAD"), inner("git rev-parse HEAD")]
    assert found == [Submodule("vendor/a\tb", ids[0]), Submodule("vendor/a\tb/in ner", ids[1])]
    assert ask(git.head(str(work.path))).submodules == ()
    old = work("git rev-parse HEAD")
    work("echo more >'vendor/a\tb/file'")
    assert ask(git.head(str(work.path))).submodules == ("vendor/a\tb",)
    work("git config submodule.'vendor/a\tb'.ignore all")
    assert ask(git.head(str(work.path))).submodules == ("vendor/a\tb",)
    work("git config --unset submodule.'vendor/a\tb'.ignore; git -C 'vendor/a\tb' -c user.name=x -c user.email=x@x commit -qam more")
    work("git add 'vendor/a\tb'; git commit -qm moved")
    (change,) = ask(git.changes(str(work.path), "HEAD", old))
    assert (change.path, change.submodule) == ("vendor/a\tb", True)
    assert [one.path for one in ask(git.differing(str(work.path), old))] == ["vendor/a\tb"]


@pytest.mark.parametrize("dirty", [False, True])
def test_kept_and_put_back_to_the_byte(work: Tree, tmp_path: Path, dirty: bool) -> None:
    old, new = two_commits(work)
    work("git checkout -q --detach main; git switch -q main")
    work("mkdir -m 2775 'new data'; mkdir -m 700 kept; touch kept/mine")
    if dirty:
        for name in NAMES[3::4]:
            work.write(name, "dirty\n")
        work(f"rm -f -- {NAMES[1]!r} || :; git rm -q --cached -- 'é ü' || :")
    stack = Stack.load("production").model_copy(update={"tree": str(work.path), "state_directory": str(tmp_path / "state")})
    head = ask(git.head(str(work.path)))
    now = state(stack=stack, head=head)
    (tmp_path / "state" / "before").mkdir(parents=True)
    before = work.everything()
    run(*of_tree.keep(now, old, "i1"))
    run(*of_tree.restore(now, old, "i1").script)
    assert work("git rev-parse HEAD; git diff HEAD") == old
    assert work.everything() != before
    run(*of_tree.back(now, "i1").script)
    assert work.everything() == before
    assert new in before


@pytest.mark.parametrize("name", ["*", "a\tb"])  # one that both commits have, and one that only the target has
def test_what_another_part_has_put_into_the_tree_already_is_no_change_by_somebody_else(work: Tree, tmp_path: Path, name: str) -> None:
    """A run that was cut off after that begins its step again, with the guard of the tree."""
    old, _ = two_commits(work)
    now = state(stack=Stack.load("production").model_copy(update={"tree": str(work.path)}), head=ask(git.head(str(work.path))))
    (tmp_path / "copy").write_text("of the release\n")
    guard = of_tree.restore(now, old, "i1", {name: str(tmp_path / "copy")}).guards
    work.write(name, "of the release\n")
    run(*guard)
    work.write(name, "of somebody else\n")
    with pytest.raises(AssertionError, match="changed since the plan was made"):
        run(*guard)
    (work.path / name).unlink()
    work.write(NAMES[3], "of somebody else\n")
    with pytest.raises(AssertionError, match="changed since the plan was made"):
        run(*guard)


def test_changes_that_git_was_told_not_to_show(work: Tree) -> None:
    for name in NAMES:
        work.write(name)
    work.commit()
    path = str(work.path)
    assert ask(unseen(path)) == []
    for number, name in enumerate(NAMES):
        mark = ("assume-unchanged", "skip-worktree")[number % 2]
        subprocess.run(["git", "update-index", f"--{mark}", "--", name], cwd=path, check=True)
    assert ask(unseen(path)) == []
    for name in NAMES[2:]:
        work.write(name, "mine\n")
    (work.path / NAMES[0]).unlink()
    assert work("git status --porcelain") == ""
    assert set(ask(unseen(path))) == set(NAMES[2:])
    assert work("git status --porcelain") == ""


def test_changes_that_no_stash_takes(work: Tree) -> None:
    work.write("a")
    work.commit()
    work.write("announced")
    work.write("a", "stashed\n")
    work("git stash -q; echo mine >a; git commit -qam mine; git stash pop -q || :; git add -N announced")
    head = ask(git.head(str(work.path)))
    assert set(head.unstashable) == {"a", "announced"}
    assert ask(repository(str(work.path))).pending == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes the files of another user")
def test_a_lock_of_another_user_and_whose_the_tree_is(work: Tree) -> None:
    work.write("a")
    work.commit()
    path = str(work.path)
    work("touch .git/index.lock")
    shape = ask(repository(path))
    assert (shape.lock, shape.owner) == ("", "")
    work("chown nobody .git/index.lock")
    assert ask(repository(path)).lock == f"{path}/.git/index.lock"
    work("chown nobody:4999 .; HOME=$PWD/.. git config --global safe.directory '*'")
    assert ask(repository(path), HOME=str(work.path.parent)).owner == "65534:4999"


def test_what_is_missing_is_no_empty_file(work: Tree) -> None:
    work.write("a")
    work.commit()
    one, none = work("git rev-parse HEAD:a; git hash-object --stdin -w </dev/null").split()
    assert ask(git.blobs(str(work.path), ["0" * 40, one, none], "a")) == {one: b"x\n", none: b""}


def test_an_export_is_what_a_checkout_is(work: Tree, tmp_path: Path) -> None:
    """In a folder whose group is handed down, of a tree whose index is split; with the env file that git has not, and not with that
    of the tree where the commit has one."""
    for name in NAMES:
        work.write(f"app/{name}")
    work.write("docker/.env", "A=old\n")
    work.write("app/.gitattributes", "* export-ignore text eol=crlf\n*.id export-subst\n")
    work.write("app/commit.id", "$Format:%H$\n")
    work("ln -s ../elsewhere app/link; echo run >app/run; chmod +x app/run; echo .env >.gitignore; git add -f docker/.env")
    old = work.commit()
    work("git rm -qr app; git config core.splitIndex true; git config core.sharedRepository group")
    work.write("docker/.env", "A=new\n")
    work.commit()
    work.write(".env", "SECRET=1\n")
    work("chmod 600 .env")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "build").mkdir()
    (tmp_path / "state" / "build").chmod(0o2770)
    stack = Stack.load("production")
    code = stack.code.model_copy(update={"env_files": [f"{work.path}/.env"]})
    stack = stack.model_copy(
        update={
            "tree": str(work.path),
            "compose_directory": f"{work.path}/docker",
            "state_directory": str(tmp_path / "state"),
            "code": code,
        }
    )
    now = state(stack=stack, head=ask(git.head(str(work.path))))
    before = work.everything(), sorted((work.path / ".git").rglob("*"))
    commands = images.commands(now, target(old), {"agents-api": "x"})
    run(*(one for one in commands[:-1] if "docker" not in one.argv))
    assert (work.everything(), sorted((work.path / ".git").rglob("*"))) == before

    export = Tree(tmp_path / "state" / "build" / old[:12] / "tree", new=False)
    assert export("stat -c %a .env; rm .env; cat docker/.env") == "600\nA=old"
    other = Tree(tmp_path / "other")
    other(f"git fetch -q {work.path} main; git checkout -q {old}; rm -rf .git")
    listing = r"find . -mindepth 1 -printf '%p %y %m %l ' -a -type f -exec sha256sum {} \; -o -printf '\n' | sort"
    assert export(listing) == other(listing)
    assert "2755" not in export(listing)
