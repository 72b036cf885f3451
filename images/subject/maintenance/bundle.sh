#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the bundle OUT of IMAGE: the compressed image and its signature by SIGNER. Usage: images/subject/maintenance/bundle.sh IMAGE OUT
set -euo pipefail
[ -e "$KEYS/root.pem" ] || "$IMAGES/zoo.sh" "$KEYS"
openssl x509 -in "$KEYS/sign.pem" -pubkey -noout >"$KEYS/image.pub"
gzip -9nc "$1" >"$2.gz"
openssl dgst -sha256 -sign "$KEYS/${SIGNER:-sign}.key" -out "$2.sig" "$2.gz"
tar --sort=name --mtime=@0 --owner=0 --group=0 -cf "$2" -C "$(dirname "$2")" --transform='s/.*\.\(gz\|sig\)$/image.\1/' "$(basename "$2").gz" "$(basename "$2").sig"
rm "$2.gz" "$2.sig"
