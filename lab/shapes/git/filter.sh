# A filter of the repository's configuration: in git the file says @HOST@, and in the tree the host's name.
change
echo 'host.txt filter=host' >.gitattributes
echo 'runs on @HOST@' >host.txt
git -C "$tree" config filter.host.smudge 'sed s/@HOST@/contabo/'
git -C "$tree" config filter.host.clean 'sed s/contabo/@HOST@/'
git -C "$tree" config filter.host.required true
commit "Say the host"
