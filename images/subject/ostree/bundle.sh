#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes an OSTree repository OUT (archive) with the tree IMAGE as one commit of branch example/stable, signed by SIGNER with GnuPG. Usage: VERSION=V images/subject/ostree/bundle.sh IMAGE OUT
set -euo pipefail
image=$1 out=$2 signer=${SIGNER:-sign}
export GNUPGHOME=$KEYS/gnupg-$signer
if [ ! -e "$KEYS/$signer.gpg" ]; then
	mkdir -m 0700 "$GNUPGHOME"
	gpg --batch --quiet --passphrase '' --quick-generate-key "$signer@example.test" ed25519 sign never
	gpg --batch --quiet --export "$signer@example.test" >"$KEYS/$signer.gpg"
fi
rm -rf "$out"
ostree init --repo="$out" --mode=archive
ostree commit --repo="$out" --branch=example/stable --subject="$VERSION" --timestamp="2024-01-0${VERSION%%.*} 00:00:00 +0000" --owner-uid=0 --owner-gid=0 \
	--add-metadata-string=version="$VERSION" --gpg-sign="$signer@example.test" --gpg-homedir="$GNUPGHOME" "$image" >&2
ostree summary --repo="$out" --update
gpgconf --kill all
