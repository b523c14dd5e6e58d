"""Putting the tree of a repository on another commit and back again, byte for byte.

A checkout can fail halfway: because of a required filter, a signal, or a full disk. HEAD has not moved then, but some files are gone.
So the undo does not use a checkout. It puts back the files and the index that were kept.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Self

from rollback_lib.commands.command import Command
from rollback_lib.facts import git
from rollback_lib.facts.host import Answer, Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.common import snapshots
from rollback_lib.stack.model import Stack

PART = "tree"  # the part of the host that steps and effects name
NOTHING: Mapping[str, str] = {}  # no path is left to others
CLEAN = "none"  # what is noted if there are no uncommitted changes
LIST, FILES, INDEX, THERE, STASH = "tree.list", "tree.tar", "tree.index", "tree.there", "stash"  # what an incident keeps

_UNLOCK = r"""
# A git that was killed leaves its lock, and every later one refuses. One that a process holds open is left alone.
cd "$1"
lock=$(git rev-parse --git-path index.lock)
for second in 1 2 3 4 5 6 7 8 9 10; do
    [ -e "$lock" ] || exit 0
    sleep 1
done
whole=$(readlink -f "$lock")
if [ -O "$lock" ] && ! find /proc/[0-9]*/fd -lname "$whole" 2>/dev/null | grep -q .; then
    rm -f "$lock"
    exit 0
fi
echo "git is busy in $1: $whole" >&2
exit 1
"""

_EXPLAINED = r"""
# Nothing is overwritten that is neither of the one commit nor of the other.
cd "$1"
export GIT_OPTIONAL_LOCKS=0
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
cp "$(git rev-parse --git-path index)" "$here/index" # a diff refreshes the index
head=$(git rev-parse HEAD)
[ "$head" = "$2" ] || [ "$head" = "$3" ] || { echo "the tree is at $head now" >&2; exit 1; }
for commit in "$2" "$3"; do
    export GIT_INDEX_FILE="$here/index"
    git diff -z --name-only --no-ext-diff --ignore-submodules=untracked --diff-filter=d "$commit" -- >"$here/$commit"
done
unset GIT_INDEX_FILE
cat "$here/$2" "$here/$3" | sort -z | uniq -dz >"$here/strange"
git diff-tree -r -z --no-renames --name-only --diff-filter=A "$2" "$3" >"$here/added"
xargs -0 -r -a "$here/added" git --literal-pathspecs ls-files --others -z -- >"$here/others"
another='[ "$(git hash-object -- "$2")" = "$(git rev-parse "$1:$2")" ] || printf "%s\0" "$2"'
xargs -0 -r -n 1 -a "$here/others" sh -c "$another" sh "$3" >>"$here/strange"
"""
_APART = r"""
# What another part of the rollback writes is there already, if the step was cut off after that.
shift 3
: >"$here/put"
while [ "$#" -gt 0 ]; do
    if cmp -s "$1" "$2"; then printf "%s\0" "$1" >>"$here/put"; fi
    shift 2
done
sort -zu "$here/strange" >"$here/changed"
sort -zu "$here/put" | comm -z -23 "$here/changed" - >"$here/strange"
"""
_REFUSE = r"""[ ! -s "$here/strange" ] || { echo "changed since the plan was made: $(tr "\0\n" "  " <"$here/strange")" >&2; exit 1; }
"""

_THERE = r"""
there() { # of the paths in a file those that are there, with the folders they are in or would be in, as a sorted list
    xargs -0 -r -a "$1" sh -euc "$each" sh >"$2.all"
    sort -zu "$2.all" >"$2"
    rm -f "$2.all"
}
each='for path; do
    rest=$path folder= link=
    while [ "$rest" != "${rest#*/}" ]; do
        folder=$folder${folder:+/}${rest%%/*} rest=${rest#*/}
        if [ -L "$folder" ] || [ ! -d "$folder" ]; then link=yes; break; fi
        printf "%s\0" "$folder"
    done
    if [ -z "$link" ] && { [ -e "$path" ] || [ -L "$path" ]; }; then printf "%s\0" "$path"; fi
done'
"""

_KEEP = (
    _THERE
    + r"""
cd "$1"
cp -p "$(git rev-parse --git-path index)" "$6"
cp "$6" "$6.look" # a diff refreshes the index
git diff-tree -r -z --no-renames --ignore-submodules --name-only "$2" "$3" >"$4"
GIT_INDEX_FILE=$6.look git diff -z --name-only --no-renames --no-ext-diff --ignore-submodules HEAD >>"$4"
there "$4" "$7"
tar --null --no-recursion -T "$7" -cf "$5"
rm -f "$6.look"
"""
)

_BACK = (
    _THERE
    + r"""
cd "$1"
there "$2" "$2.now"
tar --null --no-recursion -T "$2.now" -cf "$4"
rm -f "$2.now"
xargs -0 -r -a "$2" rm -f -- 2>/dev/null || :
xargs -0 -r -a "$2" dirname -z -- >"$2.folders"
sort -zu "$2.folders" | xargs -0 -r rmdir -p --ignore-fail-on-non-empty -- 2>/dev/null || :
rm -f "$2.folders"
tar -xpf "$3"
index=$(git rev-parse --git-path index)
cp -p "$5" "$index.part"
mv -f "$index.part" "$index"
"""
)

_OWN_FILES = (
    _THERE
    + r"""
# The files that git wrote, and the folders that it made for them, are the owner's of the tree.
cd "$1"
there "$3" "$3.now"
sort -zu "$3" >"$3.sorted"
{ comm -z -12 "$3.sorted" "$3.now"; comm -z -13 "$4" "$3.now"; } >"$3.made"
xargs -0 -r -a "$3.made" chown -h -- "$2"
rm -f "$3.now" "$3.sorted" "$3.made"
"""
)

_OWN_GIT = r"""
# Likewise what git made of its own since the files were kept: commits of a stash, their folders, index, logs.
cd "$1"
find "$(git rev-parse --git-dir)" "$(git rev-parse --git-common-dir)" -user "$(id -u)" -newer "$3" -exec chown -h -- "$2" {} +
"""


class Tree(Noted):
    """What a plan notes about a tree: the commit `head`, the branch (None if HEAD is detached), and the uncommitted changes, as the
    function `changes` returns them."""

    head: str
    branch: str | None
    changes: str

    @classmethod
    def of(cls, head: git.Head) -> Self:
        """The tree as it is now."""
        return cls(head=head.sha, branch=head.branch, changes=changes(head))


def changes(head: git.Head) -> str:
    """The uncommitted changes, as a text that can be shown and compared: it is equal if the changes are."""
    return f"{some(sorted(head.dirty))} (#{head.content})" if head.dirty else CLEAN


def keep(now: State, sha: str, incident: str) -> tuple[Command, ...]:
    """Commands that keep the files that the checkout changes, the files with uncommitted changes, and the index. `sha` is the target."""
    kept = [snapshots.before(now.stack, incident, name) for name in (LIST, FILES, INDEX, THERE)]
    return (Command.script(_KEEP, now.stack.work_tree, now.head.sha, sha, *kept),)


def forget(stack: Stack, incident: str) -> Command:
    """The command that removes what `keep` kept."""
    return Command.of("rm", "-f", *(snapshots.before(stack, incident, name) for name in (LIST, FILES, INDEX, THERE)))


def restore(now: State, sha: str, incident: str, apart: Mapping[str, str] = NOTHING) -> Step:
    """The step that puts HEAD, index and files on the commit `sha`. Uncommitted changes go to a git stash, except those of the paths in
    `apart`, which others keep: each with the file on the host that has what they write there, "" for none."""
    title, why = "Put the tree on the target", "HEAD, index and files become exactly those of the target; files it lacks are removed."
    if now.head.sha == sha and not now.head.dirty:
        return Step("restore_tree", title, why, skip="the tree is at the target")
    tree = now.stack.work_tree
    save = (
        git.command(tree, "stash", "push", "--quiet", f"--message=rollback {incident}"),
        git.command(tree, "rev-parse", "refs/stash").to(snapshots.before(now.stack, incident, STASH)),
    ) if loose(now, apart) else ()  # fmt: skip
    guards = () if now.head.dirty else (_explained(tree, now.head.sha, sha, apart),)
    # Without this refresh, git would also rewrite equal files whose owner or times differ from those in its index.
    noted = git.command(tree, "update-index", "-q", "--refresh")
    # --force is safe here: what it overwrites was kept, and the guard has checked that nothing else was changed.
    checkout = git.command(tree, "checkout", "--quiet", "--force", "--detach", "--no-overwrite-ignore", sha)
    commands = (_unlock(tree), *umask(now), *save, noted, checkout, *_own(now, incident, _OWN_FILES), *_own(now, incident, _OWN_GIT))
    return Step("restore_tree", title, why, commands, guards=guards, changes=Changes.STACK, part=PART)


def _explained(tree: str, head: str, sha: str, apart: Mapping[str, str]) -> Command:
    """The command that fails if a file is of neither commit, nor what another part of the rollback writes there."""
    written = [word for path, copy in apart.items() if copy for word in (path, copy)]
    return Command.script(_EXPLAINED + (_APART if written else "") + _REFUSE, tree, head, sha, *written)


def loose(now: State, apart: Collection[str]) -> list[str]:
    """The files with uncommitted changes, without the paths in `apart`."""
    return [path for path in now.head.dirty if path not in apart]


def writes(now: State, changes: Iterable[git.Change]) -> tuple[Write, ...]:
    """What the checkout writes to: the folders of the files that it changes, and the folders of git."""
    tree = now.stack.work_tree
    folders = dict.fromkeys(f"{tree}/{path}".rpartition("/")[0] for path in (*(change.path for change in changes), *now.head.dirty))
    own = now.repository.folders
    logs = [Write(f"{folder}/logs/HEAD", How.IN_PLACE) for folder in own[:1]]
    return (*(Write(folder, How.FOLDER) for folder in (*folders, *own)), *logs)


def back(now: State, incident: str) -> Step:
    """The undo step that puts the kept files, the index and HEAD back. The files that it replaces are kept as well."""
    stack, tree, message = now.stack, now.stack.work_tree, f"rollback: undo of {incident}"
    kept, files, index = (snapshots.before(stack, incident, name) for name in (LIST, FILES, INDEX))
    aside = snapshots.before(stack, incident, f"{snapshots.ASIDE[0]}{FILES}")
    head = (
        git.command(tree, "symbolic-ref", "-m", message, "HEAD", f"refs/heads/{now.head.branch}")
        if now.head.branch
        else git.command(tree, "update-ref", "--no-deref", "-m", message, "HEAD", now.head.sha)
    )
    commands = (_unlock(tree), *umask(now), Command.script(_BACK, tree, kept, files, aside, index), head, *_own(now, incident, _OWN_GIT))
    return Step("undo_tree", "Put the tree back", "Files, index and HEAD as they were before the rollback, byte for byte.", commands,
                changes=Changes.STACK, part=PART)  # fmt: skip


def reached(host: Host, stack: Stack, known: Tree, target: str, apart: Collection[str] = ()) -> list[Effect]:
    """Whether the tree is at the target. The paths in `apart` do not count."""
    there, other = host.ask(git.head(stack.work_tree)), _other(host, stack, known)
    asked = host.ask(git.differing(stack.work_tree, target))
    head, differing = there.result(), [change for change in asked.result() if change.path not in apart]
    rows = [
        Effect("commit of the tree", target[:12], head.sha[:12], part=PART),
        Effect("paths that differ from it", "none", _words(differing, head, apart), part=PART, between=True),
    ]
    return [*rows, *_strange(differing, other)]


def as_before(host: Host, stack: Stack, known: Tree, target: str) -> list[Effect]:
    """Whether the tree is as it was before the rollback: commit, branch, and every file."""
    there, left = host.ask(git.head(stack.work_tree)), host.ask(git.in_the_way(stack.work_tree, known.head, target))
    other = _other(host, stack, known)
    differing = host.ask(git.differing(stack.work_tree, target)).result()
    head = there.result()
    return [
        Effect("commit of the tree", known.head[:12], head.sha[:12], part=PART),
        Effect("branch", known.branch or "(detached)", head.branch or "(detached)", part=PART, between=True),
        Effect("uncommitted changes", known.changes, changes(head), part=PART, between=True),
        Effect("files of the target that are left", "none", some(left.result()) or "none", part=PART, between=True),
        *_strange(differing, other),
    ]


def assumed(host: Host, stack: Stack, known: Tree) -> list[Effect]:
    """Whether the tree is as the plan assumed."""
    head = host.ask(git.head(stack.work_tree)).result()
    return [
        Effect("commit of the tree", known.head[:12], head.sha[:12]),
        Effect("branch", known.branch or "(detached)", head.branch or "(detached)"),
        Effect("uncommitted changes", known.changes, changes(head)),
    ]


def _other(host: Host, stack: Stack, known: Tree) -> Answer[list[git.Change]] | None:
    """Ask for the files that differ from the commit before; None if there were uncommitted changes, which agree with neither commit."""
    return host.ask(git.differing(stack.work_tree, known.head)) if known.changes == CLEAN else None


def _strange(differing: list[git.Change], other: Answer[list[git.Change]] | None) -> list[Effect]:
    """An effect that names the files changed by somebody else, if there are any: they agree neither with the target nor with the commit
    before. `differing` are the files that differ from the target, `other` those that differ from the commit before."""
    both = _present(differing) & _present(other.result()) if other else set()
    return [Effect("paths that somebody else changed", "none", some(sorted(both)), part=PART)] if both else []


def _present(changes: Iterable[git.Change]) -> set[str]:
    """The paths of the changed files that exist. Missing files do not count, since an interrupted checkout leaves some out."""
    return {change.path for change in changes if change.kind != "deleted"}


def _words(differing: list[git.Change], head: git.Head, apart: Collection[str]) -> str:
    return some(sorted(({change.path for change in differing} | set(head.dirty)) - set(apart))) or "none"


def umask(now: State) -> tuple[Command, ...]:
    """If the group of the tree may write to it, the command that gives the group the same right to new files."""
    return (Command.of("umask", "002"),) if now.repository.shared else ()


def _own(now: State, incident: str, script: str) -> tuple[Command, ...]:
    """If this user is not the owner of the tree, the command that gives new files to the owner, so that the owner's next `git pull`
    works."""
    kept = [snapshots.before(now.stack, incident, name) for name in (LIST, THERE)]
    return (Command.script(script, now.stack.work_tree, now.repository.owner, *kept),) if now.repository.owner else ()


def _unlock(tree: str) -> Command:
    return Command.script(_UNLOCK, tree)
