#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a RAUC bundle OUT of IMAGE, signed by SIGNER (a name in KEYS, "sign" unless set). Usage: VERSION=V images/subject/rauc/bundle.sh IMAGE OUT
set -euo pipefail
image=$1 out=$2 content=$(mktemp -d "$WORK/rauc.XXXXXX")
[ -e "$KEYS/root.pem" ] || "$IMAGES/zoo.sh" "$KEYS"
cp "$image" "$content/rootfs.img"
printf '[update]\ncompatible=yankproof-example\nversion=%s\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n' "$VERSION" >"$content/manifest.raucm"
rm -f "$out"
rauc bundle --cert="$KEYS/${SIGNER:-sign}.pem" --key="$KEYS/${SIGNER:-sign}.key" "$content" "$out" # no --keyring: a foreign signer must get as far as the device
rm -rf "$content"
