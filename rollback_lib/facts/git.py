"""What git on the host knows of the deployed tree."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.command import Command
from rollback_lib.facts.fact import Fact

_UNIT = "\x1f"
_RECORD = "\x1e"
DEPTH = 30  # commits that are read
MOVES = 500  # lines of the reflog that are read; scripts that check out and reset fill it fast


@dataclass(frozen=True)
class Commit:
    """A commit; `sha` in full."""

    sha: str
    author: str
    when: datetime
    subject: str

    @property
    def short(self) -> str:
        return self.sha[:7]


@dataclass(frozen=True)
class Head:
    """What is checked out: `branch` is None when HEAD is detached; `dirty` are tracked paths with changes, and `content` tells
    those changes from any others: in the index and in the files."""

    sha: str
    branch: str | None
    dirty: tuple[str, ...]
    content: str = ""


@dataclass(frozen=True)
class Move:
    """A line of the reflog: HEAD came to `commit` at `when`, by `action` (git's own words)."""

    commit: Commit
    when: datetime
    action: str


@dataclass(frozen=True)
class Change:
    """One path that differs between two commits. `kind`: added, deleted, modified, mode; seen from the first commit."""

    kind: str
    path: str


def command(tree: str, *words: str) -> Command:
    """git in that tree."""
    return Command.of("git", "-C", tree, *words)


def _git(tree: str, *words: str) -> Command:
    # An optional lock would write to .git, and looking changes nothing.
    return Command.of("git", "--no-optional-locks", "-C", tree, *words)


# `git diff` refreshes the index as it looks, whatever it is told about locks: it looks with a copy.
_DIFF = r"""
cd "$1"; shift
copy=$(mktemp -d /dev/shm/rollback-XXXXXXXXXX); trap 'rm -rf "$copy"' EXIT; trap 'exit 1' HUP INT TERM
cp "$(git rev-parse --git-path index)" "$copy/index"
GIT_INDEX_FILE=$copy/index git diff -z --no-ext-diff "$@"
"""


def _diff(tree: str, *words: str) -> Command:
    return Command.of("sh", "-euc", _DIFF, "sh", tree, *words)


def head(tree: str) -> Fact[Head]:
    """Branch, commit and tracked changes of the tree."""

    def read(out: str) -> Head:
        sha, branch, dirty = "", None, []
        content = hashlib.sha256()
        for line in out.split("\0"):
            if not line.startswith("# "):
                content.update(line.encode(errors="surrogateescape") + b"\0")
            if line.startswith("# branch.oid "):
                sha = line.split(" ")[2]
            elif line.startswith("# branch.head "):
                name = line.removeprefix("# branch.head ")
                branch = None if name == "(detached)" else name
            elif line[:2] in ("1 ", "u "):
                dirty.append(line.split(" ", 8 if line[0] == "1" else 10)[-1])
            elif line[:2] == "2 ":
                dirty.append(line.split(" ", 9)[-1])
        return Head(sha, branch, tuple(dirty), content.hexdigest()[:8])

    status = _git(tree, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "-z")
    files = _diff(tree, "--name-only", "--diff-filter=d", "--ignore-submodules")
    hashed = files.pipe("env", "-C", tree, "xargs", "-0", "-r", "sha256sum", "--zero", "--")
    return Fact((status, hashed), read, missing=f"{tree} is not a git work tree we can read")


def log(tree: str) -> Fact[list[Commit]]:
    """The newest commits reachable from HEAD or a remote branch, newest first."""
    words = _git(tree, "log", "-z", f"--max-count={DEPTH}", f"--format=%H{_UNIT}%an{_UNIT}%ct{_UNIT}%s", "HEAD", "--remotes")
    return Fact((words,), lambda out: [_commit(line) for line in out.split("\0") if line], missing=f"git has no history in {tree}")


def reflog(tree: str) -> Fact[list[Move]]:
    """Where HEAD has been on this host, newest first: what was deployed, when."""

    def read(out: str) -> list[Move]:
        moves = []
        for line in filter(None, out.split("\0")):
            selector, action, rest = line.split(_UNIT, 2)
            seconds = int(selector.partition("{")[2].rstrip("}"))
            moves.append(Move(_commit(rest), datetime.fromtimestamp(seconds, UTC), action))
        return moves

    words = _git(
        tree, "log", "--walk-reflogs", "-z", f"--max-count={MOVES}", "--date=unix",
        f"--format=%gd{_UNIT}%gs{_UNIT}%H{_UNIT}%an{_UNIT}%ct{_UNIT}%s", "HEAD",
    )  # fmt: skip
    return Fact((words,), read, otherwise=lambda _: [])


def resolve(tree: str, revision: str) -> Fact[Commit]:
    """The one commit that `revision` names."""
    known = _git(tree, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    show = _git(tree, "show", "--no-patch", f"--format=%H{_UNIT}%an{_UNIT}%ct{_UNIT}%s", "--end-of-options", f"{revision}^{{commit}}", "--")
    return Fact(
        (known.to("/dev/null"), show), lambda out: _commit(out.strip()),
        missing=f"{revision!r} names no commit, or more than one, in {tree}; take one from the list of candidates",
    )  # fmt: skip


def changes(tree: str, old: str, new: str) -> Fact[list[Change]]:
    """The paths that differ from commit `old` to commit `new`."""

    def read(out: str) -> list[Change]:
        words = [word for word in out.split("\0") if word]
        found = []
        for raw, path in zip(words[::2], words[1::2], strict=True):
            before, after, blob, other, letter = raw.lstrip(":").split(" ")
            mode_only = letter == "M" and blob == other and before != after
            found.append(Change("mode" if mode_only else {"A": "added", "D": "deleted"}.get(letter, "modified"), path))
        return found

    return Fact((_git(tree, "diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", old, new),), read)


def differing(tree: str, sha: str) -> Fact[list[Change]]:
    """The tracked paths whose files are not as the commit has them; seen from the commit, so that a file which is gone is deleted."""

    def read(out: str) -> list[Change]:
        words = [word for word in out.split("\0") if word]
        pairs = zip(words[::2], words[1::2], strict=True)
        return [Change({"A": "added", "D": "deleted"}.get(letter, "modified"), path) for letter, path in pairs]

    return Fact((_diff(tree, "--name-status", "--no-renames", sha, "--"),), read, missing=f"git cannot compare {tree} with {sha[:12]}")


def diff(tree: str, old: str, new: str) -> Fact[str]:
    """The change from `old` to `new` as a patch with a summary."""
    return Fact((_git(tree, "diff", "--stat=100", "--patch", "--no-color", "--no-ext-diff", old, new, "--"),), str, long=True)


def in_the_way(tree: str, old: str, new: str) -> Fact[list[str]]:
    """Files not known to git that stand where `new` has a file and `old` has none; a checkout would overwrite them."""
    # `ls-files --others` without exclusions lists ignored files too, and only of the paths that come on its input.
    script = (
        'tree=$1; old=$2; new=$3; cd "$tree"; git diff-tree -r -z --no-renames --name-only --diff-filter=A "$old" "$new" | '
        "xargs -0 -r -n 200 git --literal-pathspecs ls-files --others -z --"
    )
    return Fact((Command.of("sh", "-c", script, "sh", tree, old, new),), lambda out: [path for path in out.split("\0") if path])


@dataclass(frozen=True)
class FileVersion:
    """A commit that changed a file, and what the file became by it: `blob` is None where it was removed, `regular` is
    False where it became a directory or a link."""

    commit: Commit
    blob: str | None
    regular: bool


def file_history(tree: str, path: str) -> Fact[list[FileVersion]]:
    """The commits that led to HEAD and changed the file at `path`, newest first."""

    def read(out: str) -> list[FileVersion]:
        found = []
        for entry in filter(None, out.split(_RECORD)):
            head, _, raw = entry.lstrip("\0\n").partition("\0")
            words = raw.strip("\0\n").split("\0")[0].lstrip(":").split(" ")
            if len(words) < 5:
                continue
            mode, blob = words[1], words[3]
            found.append(FileVersion(_commit(head), None if mode == "000000" else blob, mode.startswith("100")))
        return found

    words = _git(
        tree, "log", "-z", f"--max-count={DEPTH}", "--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent",
        f"--format={_RECORD}%H{_UNIT}%an{_UNIT}%ct{_UNIT}%s", "HEAD", "--", path,
    )  # fmt: skip
    return Fact((words,), read, otherwise=lambda _: [])


def blob_at(tree: str, revision: str, path: str) -> Fact[tuple[Commit, str]]:
    """The commit that `revision` names, and the id of the file at `path` (relative to the tree) in it."""
    commit = f"{revision}^{{commit}}"
    show = _git(tree, "show", "--no-patch", f"--format=%H{_UNIT}%an{_UNIT}%ct{_UNIT}%s", "--end-of-options", commit, "--")
    blob = Command.of(
        "sh", "-euc", 'id=$(git -C "$1" rev-parse --verify --end-of-options "$2:$3"); '
        '[ "$(git -C "$1" cat-file -t "$id")" = blob ]; printf "%s\\n" "$id"', "sh", tree, revision, path,
    )  # fmt: skip

    def read(out: str) -> tuple[Commit, str]:
        line, blob_id = out.strip().splitlines()
        return _commit(line), blob_id

    missing = f"{revision!r} is no commit in {tree} that has a file {path}; take one from the list of candidates"
    return Fact((show, blob), read, missing=missing)


def file_at_head(tree: str, path: str) -> Fact[str | None]:
    """The short hash of the file at `path` as HEAD has it; None when HEAD has no such file."""
    show = _git(tree, "cat-file", "blob", f"HEAD:{path}").pipe("sha256sum")
    known = _git(tree, "cat-file", "-e", f"HEAD:{path}")
    return Fact((known, show), lambda out: out[:12], otherwise=lambda _: None)


def blobs(tree: str, ids: list[str]) -> Fact[dict[str, bytes]]:
    """The contents of blobs by their ids."""
    commands = [part for one in ids for part in (_git(tree, "cat-file", "blob", one).pipe("base64", "-w0"), Command.of("echo"))]
    return Fact(
        tuple(commands), lambda out: {one: base64.b64decode(line) for one, line in zip(ids, out.splitlines(), strict=True)}
    )  # fmt: skip


def _commit(line: str) -> Commit:
    sha, author, seconds, subject = line.split(_UNIT, 3)
    return Commit(sha, author, datetime.fromtimestamp(int(seconds), UTC), subject)
