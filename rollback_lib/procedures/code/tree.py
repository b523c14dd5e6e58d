"""The tree of a repository put on another commit, and back, byte for byte: what git does in between may fail at any file.

A checkout can die halfway: a required filter that fails, a signal, a full disk. HEAD has not moved then, and files are gone. So
undo does not ask git to check anything out: it puts back the files and the index as they were kept.
"""

from collections.abc import Iterable
from typing import Self

from rollback_lib.commands.command import Command
from rollback_lib.facts import git
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.common import snapshots
from rollback_lib.stack.model import Stack

PART = "tree"  # of the host, in steps and effects
CLEAN = "none"  # uncommitted changes
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
[ ! -s "$here/strange" ] || { echo "changed since the plan was made: $(tr "\0\n" "  " <"$here/strange")" >&2; exit 1; }
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
    """What a plan notes of a tree: the commit, its branch (None where HEAD is detached), and its uncommitted changes (`changes`)."""

    head: str
    branch: str | None
    changes: str

    @classmethod
    def of(cls, head: git.Head) -> Self:
        """The tree as it is now."""
        return cls(head=head.sha, branch=head.branch, changes=changes(head))


def changes(head: git.Head) -> str:
    """The uncommitted changes: two of these texts are the same where the changes are."""
    return f"{some(sorted(head.dirty))} (#{head.content})" if head.dirty else CLEAN


def keep(now: State, sha: str, incident: str) -> tuple[Command, ...]:
    """Keeps the files that the checkout changes, those with uncommitted changes, and the index."""
    kept = [snapshots.before(now.stack, incident, name) for name in (LIST, FILES, INDEX, THERE)]
    return (Command.script(_KEEP, now.stack.work_tree, now.head.sha, sha, *kept),)


def forget(stack: Stack, incident: str) -> Command:
    """Removes what `keep` kept."""
    return Command.of("rm", "-f", *(snapshots.before(stack, incident, name) for name in (LIST, FILES, INDEX, THERE)))


def restore(now: State, sha: str, incident: str) -> Step:
    """Puts HEAD, index and files on the commit."""
    title, why = "Put the tree on the target", "HEAD, index and files become exactly those of the target; files it lacks are removed."
    if now.head.sha == sha and not now.head.dirty:
        return Step("restore_tree", title, why, skip="the tree is at the target")
    tree = now.stack.work_tree
    save = (
        git.command(tree, "stash", "push", "--quiet", f"--message=rollback {incident}"),
        git.command(tree, "rev-parse", "refs/stash").to(snapshots.before(now.stack, incident, STASH)),
    ) if now.head.dirty else ()  # fmt: skip
    guards = () if now.head.dirty else (Command.script(_EXPLAINED, tree, now.head.sha, sha),)
    # Files that are the same stay as they are: git would rewrite those whose owner or times are not as it noted.
    noted = git.command(tree, "update-index", "-q", "--refresh")
    # What it overwrites is kept, and the guard has seen that nothing else is there.
    checkout = git.command(tree, "checkout", "--quiet", "--force", "--detach", "--no-overwrite-ignore", sha)
    commands = (_unlock(tree), *umask(now), *save, noted, checkout, *_own(now, incident, _OWN_FILES), *_own(now, incident, _OWN_GIT))
    return Step("restore_tree", title, why, commands, guards=guards, changes=Changes.STACK, part=PART)


def writes(now: State, changes: Iterable[git.Change]) -> tuple[Write, ...]:
    """What the checkout writes to: the folders of the paths that differ, and git's own."""
    tree = now.stack.work_tree
    folders = dict.fromkeys(f"{tree}/{path}".rpartition("/")[0] for path in (*(one.path for one in changes), *now.head.dirty))
    own = now.repository.folders
    logs = [Write(f"{one}/logs/HEAD", How.IN_PLACE) for one in own[:1]]
    return (*(Write(one, How.FOLDER) for one in (*folders, *own)), *logs)


def back(now: State, incident: str) -> Step:
    """Puts files, index and HEAD back as they were kept; what is there then is kept beside."""
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


def reached(host: Host, stack: Stack, known: Tree, target: str) -> list[Effect]:
    """Whether the tree is the target's."""
    there, differing = host.ask(git.head(stack.work_tree)), host.ask(git.differing(stack.work_tree, target)).result()
    head = there.result()
    rows = [
        Effect("commit of the tree", target[:12], head.sha[:12], part=PART),
        Effect("paths that differ from it", "none", _words(differing, head), part=PART, between=True),
    ]
    return [*rows, *_strange(host, stack, known, differing)]


def as_before(host: Host, stack: Stack, known: Tree, target: str) -> list[Effect]:
    """Whether the tree is as it was before the rollback: commit, branch, every path."""
    there, left = host.ask(git.head(stack.work_tree)), host.ask(git.in_the_way(stack.work_tree, known.head, target))
    differing = host.ask(git.differing(stack.work_tree, target)).result()
    head = there.result()
    return [
        Effect("commit of the tree", known.head[:12], head.sha[:12], part=PART),
        Effect("branch", known.branch or "(detached)", head.branch or "(detached)", part=PART, between=True),
        Effect("uncommitted changes", known.changes, changes(head), part=PART, between=True),
        Effect("files of the target that are left", "none", some(left.result()) or "none", part=PART, between=True),
        *_strange(host, stack, known, differing),
    ]


def assumed(host: Host, stack: Stack, known: Tree) -> list[Effect]:
    """Whether the tree is as the plan assumed."""
    head = host.ask(git.head(stack.work_tree)).result()
    return [
        Effect("commit of the tree", known.head[:12], head.sha[:12]),
        Effect("branch", known.branch or "(detached)", head.branch or "(detached)"),
        Effect("uncommitted changes", known.changes, changes(head)),
    ]


def _strange(host: Host, stack: Stack, known: Tree, differing: list[git.Change]) -> list[Effect]:
    """Paths that neither the rollback nor its undo explains: somebody else changed them. Shown only where there are any."""
    if known.changes != CLEAN:
        return []  # such paths had uncommitted changes before
    other = host.ask(git.differing(stack.work_tree, known.head)).result()
    both = _present(differing) & _present(other)
    return [Effect("paths that somebody else changed", "none", some(sorted(both)), part=PART)] if both else []


def _present(changes: Iterable[git.Change]) -> set[str]:
    """A path that is gone is what a checkout leaves that died halfway."""
    return {one.path for one in changes if one.kind != "deleted"}


def _words(differing: list[git.Change], head: git.Head) -> str:
    return some(sorted({one.path for one in differing} | set(head.dirty))) or "none"


def umask(now: State) -> tuple[Command, ...]:
    """What git makes from here on may be written to by the tree's group, where the tree itself may."""
    return (Command.of("umask", "002"),) if now.repository.shared else ()


def _own(now: State, incident: str, script: str) -> tuple[Command, ...]:
    """Gives what git makes as another user than the tree's to that one, so that the next `git pull` of theirs works."""
    kept = [snapshots.before(now.stack, incident, name) for name in (LIST, THERE)]
    return (Command.script(script, now.stack.work_tree, now.repository.owner, *kept),) if now.repository.owner else ()


def _unlock(tree: str) -> Command:
    return Command.script(_UNLOCK, tree)
