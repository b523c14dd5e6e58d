# The tree is a linked worktree of a repository elsewhere.
home=$tree.git
mv "$tree/.git" "$home"
git -C "$home" config core.bare true
links=$home/worktrees/tree
mkdir -p "$links/logs"
for one in HEAD index logs/HEAD; do
    cp -p "$home/$one" "$links/$one"
done
echo ../.. >"$links/commondir"
echo "$tree/.git" >"$links/gitdir"
echo "gitdir: $links" >"$tree/.git"
rm "$home/index"
git -C "$home" symbolic-ref HEAD refs/heads/none
git -C "$tree" status --short
