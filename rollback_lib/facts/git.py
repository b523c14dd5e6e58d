"""The deployed tree as git on the host sees it: commits, changes, and versions of files."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

_UNIT = "\x1f"
_RECORD = "\x1e"
_GITLINK = "160000"  # the mode of a submodule in a commit
DEPTH = 30  # how many commits are read
MOVES = 500  # how many lines of the reflog are read; deploy scripts that check out and reset fill it fast
MINIMUM = (2, 31)  # the oldest git with `log --diff-merges=first-parent` and settings by GIT_CONFIG_COUNT

# A submodule counts as changed if it is at another commit or its tracked files have changes, whatever git's configuration says.
_MODULES = "--ignore-submodules=untracked"


@dataclass(frozen=True)
class Commit:
    """A commit. `sha` has 40 hex digits, `when` is the time of the commit, and `subject` is the first line of its message."""

    sha: str
    author: str
    when: datetime
    subject: str

    @property
    def short(self) -> str:
        return self.sha[:7]


@dataclass(frozen=True)
class Head:
    """What is checked out. From `git status`.

    `branch` is None if HEAD is detached. `dirty` are the tracked paths with changes, and `content` is a short hash of those changes, in
    the index and in the files. Of the dirty paths, `submodules` are those that are submodules, and `unstashable` those that `git
    stash` does not take: files with conflicts, or added with `git add -N` only.
    """

    sha: str
    branch: str | None
    dirty: tuple[str, ...]
    content: str = ""
    submodules: tuple[str, ...] = ()
    unstashable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """A line of the reflog: HEAD moved to `commit` at `when`, by `action` in git's words."""

    commit: Commit
    when: datetime
    action: str


@dataclass(frozen=True)
class Change:
    """A path that differs between two commits. `kind` is "added", "deleted", "modified" or "mode", going from the first commit to the
    second. `submodule` is whether the path is a submodule in either of them."""

    kind: str
    path: str
    submodule: bool = False


def command(tree: str, *words: str) -> Command:
    """A git command in `tree`, which may change it."""
    return Command.of("git", "-C", tree, *words)


def _git(tree: str, *words: str) -> Command:
    # These settings keep git from writing to .git: it takes no optional lock, and a partial clone fetches nothing (from git 2.45 on).
    looks = ("env", "GIT_NO_LAZY_FETCH=1", "git", "--no-optional-locks", "-C", tree)
    return Command.of(*looks, "-c", "log.showSignature=false", *words)


# The beginning of a script that only reads: it makes a private folder in the host's memory, and removes it at its end.
LOOK = r"""
cd "$1"; shift
export GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1
here=$(mktemp -d /dev/shm/rollback-XXXXXXXXXX); trap 'rm -rf "$here"' EXIT; trap 'exit 1' HUP INT TERM
"""

# `git diff` always refreshes the index, which writes to it. So it gets a copy of the index.
_DIFF = (
    LOOK
    + r"""
cp "$(git rev-parse --git-path index)" "$here/index"
GIT_INDEX_FILE=$here/index git diff -z --no-ext-diff --no-textconv "$@"
"""
)

# Prints a hash of each file that `_DIFF` names; for a link, its target.
_CONTENT = (
    _DIFF.rstrip()
    + r""" >"$here/names"
xargs -0 -r -a "$here/names" sh -euc "$content" sh
"""
)
_OF_EACH = r"""content='for path; do
    if [ -L "$path" ]; then printf "link %s %s\0" "$path" "$(readlink -- "$path")"; else sha256sum --zero -- "$path"; fi
done'"""


def _script(text: str, tree: str, *words: str) -> Command:
    return Command.of("sh", "-euc", text, "sh", tree, *words)


def head(tree: str) -> Fact[Head]:
    """The commit and branch that are checked out in the tree, and its changes."""

    def read(out: str) -> Head:
        sha, branch, dirty, submodules, unstashable = "", None, [], [], []
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
                _, xy, sub, _ = line.split(" ", 3)
                submodules += dirty[-1:] if sub.startswith("S") else []
                unstashable += dirty[-1:] if line[0] == "u" or xy == ".A" else []
        return Head(sha, branch, tuple(dirty), content.hexdigest()[:8], tuple(submodules), tuple(unstashable))

    status = _git(tree, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--no-renames", _MODULES, "-z")
    hashed = _script(_OF_EACH + _CONTENT, tree, "--name-only", "--diff-filter=d", "--ignore-submodules=all")
    return Fact((status, hashed), read, missing=f"{tree} is not a git work tree we can read")


def log(tree: str) -> Fact[list[Commit]]:
    """The newest commits reachable from HEAD or a remote branch, newest first."""
    words = _git(tree, "log", "-z", f"--max-count={DEPTH}", f"--format=%H{_UNIT}%an{_UNIT}%ct{_UNIT}%s", "HEAD", "--remotes")
    return Fact((words,), lambda out: [_commit(line) for line in out.split("\0") if line], missing=f"git has no history in {tree}")


def reflog(tree: str) -> Fact[list[Move]]:
    """The moves of HEAD on this host, newest first: what was deployed, and when."""

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
    """The commit that `revision` names. Refused if it names none, or more than one."""
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
            kind = "mode" if mode_only else {"A": "added", "D": "deleted"}.get(letter, "modified")
            found.append(Change(kind, path, submodule=_GITLINK in (before, after)))
        return found

    command = _git(tree, "diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", old, new)
    return Fact((command,), read, missing=_unread(tree, old, new))


def _unread(tree: str, old: str, new: str) -> str:
    return (
        f"git in {tree} lacks some of what differs from {old[:12]} to {new[:12]}; a partial clone fetches it by "
        f"`git -C {tree} diff --stat {old} {new}`, and what else may be missing is said by `git -C {tree} fsck`"
    )


def changes_if_known(tree: str, old: str, new: str) -> Fact[list[Change] | None]:
    """The paths that differ from commit `old` to commit `new`; None if either commit is not there."""
    known = changes(tree, old, new)
    return Fact(known.commands, known.read, otherwise=lambda _: None)


def differing(tree: str, sha: str) -> Fact[list[Change]]:
    """The tracked paths whose files differ from commit `sha`. The changes go from the commit to the files: a file that the tree does not
    have is "deleted"."""

    def read(out: str) -> list[Change]:
        words = [word for word in out.split("\0") if word]
        pairs = zip(words[::2], words[1::2], strict=True)
        return [Change({"A": "added", "D": "deleted"}.get(letter, "modified"), path) for letter, path in pairs]

    return Fact(
        (_script(_DIFF, tree, "--name-status", "--no-renames", _MODULES, sha, "--"),),
        read,
        missing=f"git cannot compare {tree} with {sha[:12]}",
    )


def diff(tree: str, old: str, new: str) -> Fact[str]:
    """The difference from commit `old` to commit `new`, as a patch with a summary before it."""
    words = ("--stat=100", "--patch", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short")
    return Fact((_git(tree, "diff", *words, old, new, "--"),), str, missing=_unread(tree, old, new), long=True)


def in_the_way(tree: str, old: str, new: str) -> Fact[list[str]]:
    """The untracked files at paths where commit `new` has a file and commit `old` has none. A checkout would overwrite them."""
    return Fact(
        (_script(_IN_THE_WAY, tree, old, new),),
        lambda out: sorted({path for path in out.split("\0") if path}),
        missing=_unread(tree, old, new),
    )


# `ls-files --others` without exclusions lists ignored files as well. It looks only at the paths that it is given, so the script also looks
# for a file or a link in a place where the target has a folder.
_IN_THE_WAY = (
    r"""above='for path; do
    while [ "$path" != "${path%/*}" ]; do
        path=${path%/*}
        if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then printf "%s\0" "$path"; fi
    done
done'"""
    + LOOK
    + r"""
git diff-tree -r -z --no-renames --name-only --diff-filter=A "$1" "$2" >"$here/added"
xargs -0 -r -a "$here/added" sh -euc "$above" sh >"$here/above"
cat "$here/above" >>"$here/added"
xargs -0 -r -n 200 -a "$here/added" git --literal-pathspecs ls-files --others -z --
"""
)


@dataclass(frozen=True)
class FileVersion:
    """A commit that changed a file, and the file after it. `blob` is git's id of its content, None if the commit removed the file.
    `regular` is whether it is a regular file, and not a link or a submodule."""

    commit: Commit
    blob: str | None
    regular: bool


def file_history(tree: str, path: str) -> Fact[list[FileVersion]]:
    """The commits before and at HEAD that changed the file at `path`, newest first, DEPTH at most."""

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
    """The commit that `revision` names, and the blob id of the file at `path` (relative to the tree) in that commit."""
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


def file_at(tree: str, path: str, commit: str = "HEAD") -> Fact[str | None]:
    """The short hash of the file at `path` as a checkout of the commit would write it; None if the commit has no such file."""
    show = show_file(tree, f"{commit}:{path}", path).pipe("sha256sum")
    known = _git(tree, "cat-file", "-e", f"{commit}:{path}")
    return Fact((known, show), lambda out: out[:12], otherwise=lambda _: None)


def show_file(tree: str, blob: str, path: str) -> Command:
    """A command that prints a blob as a checkout would write it to the file at `path`. Filters and line-end settings for that path may
    change the content."""
    return Command.of("git", "-C", tree, "cat-file", "--filters", f"--path={path}", blob)


def blobs(tree: str, ids: list[str], path: str) -> Fact[dict[str, bytes]]:
    """The contents of blobs by id, as a checkout would write them to the file at `path`. Blobs that are not there, as in a partial clone,
    are left out."""
    shown = {blob: show_file(tree, blob, path).pipe("base64", "-w0").shell() for blob in ids}
    command = "\n".join(["export GIT_NO_LAZY_FETCH=1", *(f"{show} || printf -; echo" for show in shown.values())])

    def read(out: str) -> dict[str, bytes]:
        lines = zip(ids, out.splitlines(), strict=True)
        return {blob: base64.b64decode(line) for blob, line in lines if not line.endswith("-")}

    return Fact((Command.of("sh", "-c", command),) if ids else (), read)


def _commit(line: str) -> Commit:
    sha, author, seconds, subject = line.split(_UNIT, 3)
    return Commit(sha, author, datetime.fromtimestamp(int(seconds), UTC), subject)
