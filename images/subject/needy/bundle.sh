#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the folder OUT for the technician's computer: IMAGE, and its signature by SIGNER. Usage: images/subject/needy/bundle.sh IMAGE OUT
set -euo pipefail
[ -e "$KEYS/root.pem" ] || "$IMAGES/zoo.sh" "$KEYS"
openssl x509 -in "$KEYS/sign.pem" -pubkey -noout >"$KEYS/image.pub"
mkdir -p "$2"
cp "$1" "$2/image"
openssl dgst -sha256 -sign "$KEYS/${SIGNER:-sign}.key" -out "$2/image.sig" "$1"
