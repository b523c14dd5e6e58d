"""What git on the host knows of the deployed tree."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.command import Command
from rollback_lib.facts.fact import Fact

_UNIT = "\x1f"
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
    """What is checked out: `branch` is None when HEAD is detached; `dirty` are tracked paths with changes."""

    sha: str
    branch: str | None
    dirty: tuple[str, ...]


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


def _git(tree: str, *words: str) -> Command:
    # An optional lock would write to .git, and looking changes nothing.
    return Command.of("git", "--no-optional-locks", "-C", tree, *words)


def head(tree: str) -> Fact[Head]:
    """Branch, commit and tracked changes of the tree."""

    def read(out: str) -> Head:
        sha, branch, dirty = "", None, []
        for line in out.split("\0"):
            if line.startswith("# branch.oid "):
                sha = line.split(" ")[2]
            elif line.startswith("# branch.head "):
                name = line.removeprefix("# branch.head ")
                branch = None if name == "(detached)" else name
            elif line[:2] in ("1 ", "u "):
                dirty.append(line.split(" ", 8 if line[0] == "1" else 10)[-1])
            elif line[:2] == "2 ":
                dirty.append(line.split(" ", 9)[-1])
        return Head(sha, branch, tuple(dirty))

    status = _git(tree, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "-z")
    return Fact((status,), read, missing=f"{tree} is not a git work tree we can read")


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
    return Fact((words,), read, otherwise=list)


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


def diff(tree: str, old: str, new: str) -> Fact[str]:
    """The change from `old` to `new` as a patch with a summary."""
    return Fact((_git(tree, "diff", "--stat=100", "--patch", "--no-color", "--no-ext-diff", old, new, "--"),), str)


def in_the_way(tree: str, old: str, new: str) -> Fact[list[str]]:
    """Files not known to git that stand where `new` has a file and `old` has none; a checkout would overwrite them."""
    # `ls-files --others` without exclusions lists ignored files too, and only of the paths that come on its input.
    script = (
        'tree=$1; old=$2; new=$3; cd "$tree"; git diff-tree -r -z --no-renames --name-only --diff-filter=A "$old" "$new" | '
        "xargs -0 -r -n 200 git --literal-pathspecs ls-files --others -z --"
    )
    return Fact((Command.of("sh", "-c", script, "sh", tree, old, new),), lambda out: [path for path in out.split("\0") if path])


def _commit(line: str) -> Commit:
    sha, author, seconds, subject = line.split(_UNIT, 3)
    return Commit(sha, author, datetime.fromtimestamp(int(seconds), UTC), subject)
