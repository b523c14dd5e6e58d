# A submodule in the tree, which the build does not need.
git init -q --bare /srv/git/voices.git
rm -rf /tmp/voices
git clone -q /srv/git/voices.git /tmp/voices 2>/dev/null
echo alto >/tmp/voices/list
git -C /tmp/voices add .
git -C /tmp/voices commit -q -m "Voices"
git -C /tmp/voices push -q origin HEAD:main
rm -rf /tmp/voices
git config --global protocol.file.allow always
change
git submodule --quiet add /srv/git/voices.git voices
commit "Voices as a submodule"
git submodule --quiet update --init
