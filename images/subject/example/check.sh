#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Is the device whole? The slot that the environment selects must hold the old or the new version, byte for byte.
# IMAGES is the folder of old.img and new.img.
case $(head -c 6 "$ENV") in
slot=a) slot=$SLOT_A ;;
slot=b) slot=$SLOT_B ;;
*) echo "the environment selects no slot" && exit 3 ;;
esac
for version in old new; do
	if cmp -s "$slot" "$IMAGES/$version.img"; then
		echo "$version" && exit 0
	fi
done
echo "the environment selects ${slot##*/}, which holds neither the old version nor the new one"
exit 1
