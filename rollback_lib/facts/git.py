"""What git on the host knows of the deployed tree."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

_UNIT = "\x1f"
_RECORD = "\x1e"
_GITLINK = "160000"  # the mode of a submodule in a commit
DEPTH = 30  # commits that are read
MOVES = 500  # lines of the reflog that are read; scripts that check out and reset fill it fast
MINIMUM = (2, 31)  # the oldest git that has what we use: `log --diff-merges=first-parent`, and settings by GIT_CONFIG_COUNT

# A submodule counts where it is at another commit or has changes of its own, and whatever the configuration says.
_MODULES = "--ignore-submodules=untracked"


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
    those changes from any others: in the index and in the files. `submodules` are those among them that are at another commit, or
    have changes of their own, `unstashable` those that no stash takes: with conflicts, or only announced (`git add -N`)."""

    sha: str
    branch: str | None
    dirty: tuple[str, ...]
    content: str = ""
    submodules: tuple[str, ...] = ()
    unstashable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """A line of the reflog: HEAD came to `commit` at `when`, by `action` (git's own words)."""

    commit: Commit
    when: datetime
    action: str


@dataclass(frozen=True)
class Change:
    """One path that differs between two commits. `kind`: added, deleted, modified, mode; seen from the first commit. `submodule`:
    it is one in either of them."""

    kind: str
    path: str
    submodule: bool = False


def command(tree: str, *words: str) -> Command:
    """git in that tree."""
    return Command.of("git", "-C", tree, *words)


def _git(tree: str, *words: str) -> Command:
    # An optional lock would write to .git, and so would what a partial clone fetches as it needs it (git 2.45 can be told not to).
    looks = ("env", "GIT_NO_LAZY_FETCH=1", "git", "--no-optional-locks", "-C", tree)
    return Command.of(*looks, "-c", "log.showSignature=false", *words)


# What a script that looks begins with: a folder in the host's memory for that moment, private.
LOOK = r"""
cd "$1"; shift
export GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1
here=$(mktemp -d /dev/shm/rollback-XXXXXXXXXX); trap 'rm -rf "$here"' EXIT; trap 'exit 1' HUP INT TERM
"""

# `git diff` refreshes the index as it looks, whatever it is told about locks: it looks with a copy.
_DIFF = (
    LOOK
    + r"""
cp "$(git rev-parse --git-path index)" "$here/index"
GIT_INDEX_FILE=$here/index git diff -z --no-ext-diff --no-textconv "$@"
"""
)

# The content of the files that `_DIFF` names; a link's is where it leads to.
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
    """Branch, commit and tracked changes of the tree."""

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
    """The same; None where one of the commits is not there."""
    known = changes(tree, old, new)
    return Fact(known.commands, known.read, otherwise=lambda _: None)


def differing(tree: str, sha: str) -> Fact[list[Change]]:
    """The tracked paths whose files are not as the commit has them; seen from the commit, so that a file which is gone is deleted."""

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
    """The change from `old` to `new` as a patch with a summary."""
    words = ("--stat=100", "--patch", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short")
    return Fact((_git(tree, "diff", *words, old, new, "--"),), str, missing=_unread(tree, old, new), long=True)


def in_the_way(tree: str, old: str, new: str) -> Fact[list[str]]:
    """Files not known to git that stand where `new` has a file and `old` has none; a checkout would overwrite them."""
    return Fact(
        (_script(_IN_THE_WAY, tree, old, new),),
        lambda out: sorted({path for path in out.split("\0") if path}),
        missing=_unread(tree, old, new),
    )


# `ls-files --others` without exclusions lists ignored files too, and only of the paths that it is given. A file, or a link, may stand
# where the target has a folder.
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
    """The short hash of the file at `path` as a checkout of HEAD would make it; None when HEAD has no such file."""
    show = show_file(tree, f"HEAD:{path}", path).pipe("sha256sum")
    known = _git(tree, "cat-file", "-e", f"HEAD:{path}")
    return Fact((known, show), lambda out: out[:12], otherwise=lambda _: None)


def show_file(tree: str, blob: str, path: str) -> Command:
    """The command that prints a blob as a checkout would write it to the file at `path`: line ends and filters may make another one
    of it."""
    return Command.of("git", "-C", tree, "cat-file", "--filters", f"--path={path}", blob)


def blobs(tree: str, ids: list[str], path: str) -> Fact[dict[str, bytes]]:
    """The contents of blobs by their ids, as a checkout would write them to the file at `path`; without those that are not there,
    as in a partial clone."""
    shown = {one: show_file(tree, one, path).pipe("base64", "-w0").shell() for one in ids}
    command = "\n".join(["export GIT_NO_LAZY_FETCH=1", *(f"{show} || printf -; echo" for show in shown.values())])

    def read(out: str) -> dict[str, bytes]:
        lines = zip(ids, out.splitlines(), strict=True)
        return {one: base64.b64decode(line) for one, line in lines if not line.endswith("-")}

    return Fact((Command.of("sh", "-c", command),) if ids else (), read)


def _commit(line: str) -> Commit:
    sha, author, seconds, subject = line.split(_UNIT, 3)
    return Commit(sha, author, datetime.fromtimestamp(int(seconds), UTC), subject)
