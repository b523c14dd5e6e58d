"""The shape of the tree's repository: what git is in the middle of there, who owns the files, and its submodules."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts import git
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host


@dataclass(frozen=True)
class Repository:
    """`inside` is the tree's path from the top of the work tree, "" where it is that. `pending` is what git is in the middle of (a
    merge, a rebase, …; "" if nothing), `shallow` whether commits of its history are not there. `owner` is USER:GROUP of the tree
    where that user is another than ours and we may give files away, else ""; `shared` where its group may write to it. `lock` is the
    file by which another user's git keeps ours out, "" where there is none. `folders` are git's own: that of this work tree, and the
    one that all of them share."""

    inside: str = ""
    pending: str = ""
    shallow: bool = False
    owner: str = ""
    shared: bool = False
    lock: str = ""
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submodule:
    """A repository in a folder of the tree, at `path` from its top: the commit that belongs there."""

    path: str
    sha: str


_SHAPE = r"""
cd "$1"
pending=
for file in MERGE_HEAD:merge CHERRY_PICK_HEAD:cherry-pick REVERT_HEAD:revert rebase-merge:rebase rebase-apply:rebase; do
    [ ! -e "$(git rev-parse --git-path "${file%:*}")" ] || pending=${file#*:}
done
printf '%s\0' "$(git rev-parse --show-prefix)" "$pending" "$(git rev-parse --is-shallow-repository)"
lock=$(git rev-parse --git-path index.lock)
if [ ! -e "$lock" ] || [ -O "$lock" ]; then lock=; else lock=$(readlink -f "$lock"); fi
printf '%s\0' "$(id -u)" "$(stat -c '%u %a %U:%G' .)" "$(stat -c '%u:%g' .)" "$lock"
printf '%s\0' "$(git rev-parse --absolute-git-dir)" "$(readlink -f "$(git rev-parse --git-common-dir)")"
"""


def repository(tree: str) -> Fact[Repository]:
    """The shape of the repository that the tree belongs to."""

    def read(out: str) -> Repository:
        inside, pending, shallow, us, folder, numbers, lock, *folders = out.split("\0")[:9]
        uid, mode, owner = folder.split(" ", 2)
        given = us == "0" and uid != us
        return Repository(
            inside.rstrip("/"), pending, shallow == "true",
            owner=(numbers if "UNKNOWN" in owner else owner) if given else "",
            shared=bool(int(mode, 8) & 0o020), lock=lock, folders=tuple(dict.fromkeys(folders)),
        )  # fmt: skip

    return Fact((Command.of("sh", "-euc", _SHAPE, "sh", tree),), read, missing=f"{tree} is not a git work tree we can read")


# In a copy of the index, the marks are taken away; a sparse checkout has no files where it has them.
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
    """The tracked paths with changes that git was told not to show (assume-unchanged, skip-worktree)."""
    command = Command.of("sh", "-euc", _UNSEEN, "sh", tree)
    return Fact((command,), lambda out: [path for path in out.split("\0") if path], missing=f"git cannot list the files of {tree}")


# Of the submodules that a commit names those that are checked out, since the others are empty folders in a build of the team's, too.
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


def submodules(host: Host, tree: str, sha: str, path: str = "") -> list[Submodule]:
    """The submodules of a commit that are checked out, and theirs in turn, outer ones first."""
    folder = f"{tree}/{path}".rstrip("/")
    fact = Fact((Command.of("sh", "-euc", _THERE + _CHECKED_OUT, "sh", folder, sha),), lambda out: [one for one in out.split("\0") if one],
                missing=f"git cannot say which submodules {sha[:12]} has in {folder}")  # fmt: skip
    found = []
    for line in host.ask(fact).result():
        commit, _, name = line.partition("\t")
        found.append(Submodule(f"{path}/{name}".lstrip("/"), commit))
    inner = []
    for one in found:
        inner += submodules(host, tree, one.sha, one.path)
    return [*found, *inner]
