#!/bin/sh
# clone.sh FROM TO: copies an engine's disk, both below one mount. What is never written again, the files of finished image layers and the
# registry's blobs, are hard links; what containers and volumes write to is copied. 600 MB become 0.3 s and 80 MB of writes.
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
    case $layer in
        *-init) cp -a "$layer" "$to/overlay2/" ;; # one for each container
        *) if [ -e "$layer/committed" ]; then cp -al "$layer" "$to/overlay2/"; else cp -a "$layer" "$to/overlay2/"; fi ;;
    esac
done

folder volumes
for volume in "$from"/volumes/*; do
    case ${volume##*/} in registry_data) cp -al "$volume" "$to/volumes/" ;; *) cp -a "$volume" "$to/volumes/" ;; esac
done
registry=volumes/registry_data/_data/docker/registry/v2
rm -r "$to/$registry/repositories" # tags are written again
cp -a "$from/$registry/repositories" "$to/$registry/"
