"""The state of the tree's repository: unfinished git operations, the owner of its files, and its submodules."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts import git
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host


@dataclass(frozen=True)
class Repository:
    """The repository that the tree belongs to.

    `inside` is the tree's path from the top of the work tree, "" if the tree is the top. `pending` is the operation that git is in the
    middle of ("merge", "rebase", …), "" if none. `shallow` is whether part of the history is missing. `owner` is USER:GROUP of the tree
    if it belongs to another user and the login user is root, else "". `shared` is whether the tree's group may write to it. `lock` is
    the path of an index lock that another user's git holds, "" if there is none. `folders` are git's own folders: that of this work
    tree, and the one that all work trees share.
    """

    inside: str = ""
    pending: str = ""
    shallow: bool = False
    owner: str = ""
    shared: bool = False
    lock: str = ""
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submodule:
    """A submodule at `path` from the top of the tree, and the commit that belongs there."""

    path: str
    sha: str


_SHAPE = r"""
cd "$1"
git=$(git rev-parse --absolute-git-dir)
pending=
for file in MERGE_HEAD:merge CHERRY_PICK_HEAD:cherry-pick REVERT_HEAD:revert rebase-merge:rebase rebase-apply:rebase; do
    [ ! -e "$git/${file%:*}" ] || pending=${file#*:}
done
printf '%s\0' "$(git rev-parse --show-prefix)" "$pending" "$(git rev-parse --is-shallow-repository)"
lock=$git/index.lock
if [ ! -e "$lock" ] || [ -O "$lock" ]; then lock=; else lock=$(readlink -f "$lock"); fi
printf '%s\0' "$(id -u)" "$(stat -c '%u %a %U:%G' .)" "$(stat -c '%u:%g' .)" "$lock"
printf '%s\0' "$git" "$(readlink -f "$(git rev-parse --git-common-dir)")"
"""


def repository(tree: str) -> Fact[Repository]:
    """The repository that the tree belongs to."""

    def read(out: str) -> Repository:
        inside, pending, shallow, login, folder, numbers, lock, *folders = out.split("\0")[:9]
        uid, mode, owner = folder.split(" ", 2)
        given = login == "0" and uid != login
        return Repository(
            inside.rstrip("/"), pending, shallow == "true",
            owner=(numbers if "UNKNOWN" in owner else owner) if given else "",
            shared=bool(int(mode, 8) & 0o020), lock=lock, folders=tuple(dict.fromkeys(folders)),
        )  # fmt: skip

    return Fact((Command.of("sh", "-euc", _SHAPE, "sh", tree),), read, missing=f"{tree} is not a git work tree we can read")


# The marks are removed in a copy of the index, and git compares with that. In a sparse checkout the marked files do not exist, and are
# not listed.
_UNSEEN = (
    git.LOOK
    + r"""
export GIT_INDEX_FILE="$here/index"
cp "$(env -u GIT_INDEX_FILE git rev-parse --git-path index)" "$GIT_INDEX_FILE"
git ls-files -v -z >"$here/all"
sed -zn 's/^[a-zS] //p' "$here/all" >"$here/marked"
[ -s "$here/marked" ] || exit 0
for mark in assume-unchanged skip-worktree; do git update-index --no-$mark -z --stdin <"$here/marked"; done
git diff -z --name-only --no-ext-diff --ignore-submodules --diff-filter=d >"$here/changed"
sort -z "$here/marked" >"$here/all"; sort -z "$here/changed" >"$here/marked"
comm -z -12 "$here/all" "$here/marked"
"""
)


def unseen(tree: str) -> Fact[list[str]]:
    """The tracked paths with changes that git does not show, because they are marked assume-unchanged or skip-worktree."""
    command = Command.of("sh", "-euc", _UNSEEN, "sh", tree)
    return Fact((command,), lambda out: [path for path in out.split("\0") if path], missing=f"git cannot list the files of {tree}")


# Prints those submodules of a commit that are checked out. The others are empty folders, as they are in a build by the team.
_CHECKED_OUT = (
    git.LOOK
    + r"""
git ls-tree -r -z "$1" >"$here/all"
sed -zn 's/^160000 commit //p' "$here/all" >"$here/submodules"
xargs -0 -r -a "$here/submodules" sh -euc "$there" sh
"""
)
_THERE = r"""there='for one; do
    path=${one#*	}
    if [ -e "$path/.git" ]; then printf "%s\0" "$one"; fi
done'"""


def submodules(tree: str, sha: str, path: str = "") -> Fact[list[Submodule]]:
    """The checked-out submodules of commit `sha`, without their own submodules. `path` is where that commit is, from the top of the tree:
    "" for the tree itself."""

    def read(out: str) -> list[Submodule]:
        found = (line.partition("\t") for line in out.split("\0") if line)
        return [Submodule(f"{path}/{name}".lstrip("/"), commit) for commit, _, name in found]

    folder = f"{tree}/{path}".rstrip("/")
    command = Command.of("sh", "-euc", _THERE + _CHECKED_OUT, "sh", folder, sha)
    return Fact((command,), read, missing=f"git cannot say which submodules {sha[:12]} has in {folder}")


def with_their_own(host: Host, tree: str, found: list[Submodule]) -> list[Submodule]:
    """Submodules, and then all that are inside of them. Raises Refused, LinkLost."""
    if not found:
        return []
    asked = [host.ask(submodules(tree, module.sha, module.path)) for module in found]
    return [*found, *with_their_own(host, tree, [inner for answer in asked for inner in answer.result()])]
