#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One emulated board in a box: media on the block server, updates and reports over HTTPS, DIR/env.yaml for labgrid. Runs until it is ended.
# Usage: hil/box/box-start.sh DIR ADDRESS PORT PLUGIN IMAGES
set -euo pipefail
address=$2 port=$3 plugin=$4 images=$(realpath "$5")
rm -rf "${1:?}"
mkdir -p "$1/www"
dir=$(cd "$1" && pwd)
for v in 1.0 2.0; do ln -s "$images/update-$v.ota" "$dir/www/$v.ota"; done
ln -s 1.0.ota "$dir/www/update.ota"
# The SD card is never flushed: every answered write is durable.
sed -E "s/^card:([0-9]*):ordered:/card:\\1:ordered+sync:/; /^#|^export=/!s|:([^:]*)\$|:$images/\1|" "$images/media" >"$dir/media"
exec /usr/bin/python3 hil/box/box.py --with-parent --dir "$dir" --address "$address" --env hil/env/box.yaml --images "$images" \
	--nbd "$plugin" --nbd layout="$dir/media" \
	--companion "exec ci/serve.sh $dir/server $dir/www $images $port" -- hil/box/box-qemu.sh @DIR@ "$images" "$port"
