#!/bin/sh
# clone.sh FROM TO: copies an engine's disk, both below one mount. What is never written again is not copied: the files of finished image
# layers stay where they are, and boot.sh mounts them; the registry's blobs are hard links. 600 MB become 80 MB in 3000 files.
set -eu
from=$1 to=$2

folder() { # folder PATH: an empty folder with the mode of the original; the owner is root
    mkdir "$to/$1"
    chmod --reference="$from/$1" "$to/$1"
}

for entry in "$from"/*; do
    case ${entry##*/} in overlay2 | volumes) ;; *) cp -a "$entry" "$to/" ;; esac
done

folder overlay2
for layer in "$from"/overlay2/*; do
    name=overlay2/${layer##*/}
    if [ -e "$layer/committed" ]; then
        folder "$name"
        folder "$name/diff"
        find "$layer" -mindepth 1 -maxdepth 1 ! -name diff -exec cp -a -t "$to/$name" {} +
    else
        cp -a "$layer" "$to/overlay2/"
    fi
done

folder volumes
for volume in "$from"/volumes/*; do
    case ${volume##*/} in registry_data) cp -al "$volume" "$to/volumes/" ;; *) cp -a "$volume" "$to/volumes/" ;; esac
done
registry=volumes/registry_data/_data/docker/registry/v2
rm -r "$to/$registry/repositories" # tags are written again
cp -a "$from/$registry/repositories" "$to/$registry/"
