#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a Mender artifact OUT of IMAGE, signed by SIGNER. Usage: VERSION=V images/subject/mender/bundle.sh IMAGE OUT
set -euo pipefail
image=$1 out=$2
[ -e "$KEYS/root.pem" ] || "$IMAGES/zoo.sh" "$KEYS"
openssl x509 -in "$KEYS/sign.pem" -pubkey -noout >"$KEYS/artifact.pub"
openssl ec -in "$KEYS/${SIGNER:-sign}.key" -out "$out.key" 2>/dev/null # mender-artifact reads no PKCS #8
mender-artifact write rootfs-image -t example -n "$VERSION" -f "$image" -k "$out.key" -o "$out" --no-progress
rm "$out.key"
