#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a test PKI in OUT: signing root (root.pem) and code-signing leaf (sign.pem, sign.key) for bundles; TLS root (tls-root.pem) and
# server leaf for localhost, and HOST (tls.pem, tls.key). For tests and the demonstration only: the keys are not protected.
# Usage: images/pki.sh OUT [HOST]
set -euo pipefail
out=$1 host=${2:-localhost}
mkdir -p "$out"
cd "$out"

root() { # NAME SUBJECT
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 3650 -subj "$2" \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
}
leaf() { # NAME SUBJECT ROOT EXTENSIONS
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
	printf '%b' "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n$4\n" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days 1825 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
	rm "$1.csr" "$1.ext"
}
root root '/O=yankproof test/CN=update signing root'
leaf sign '/O=yankproof test/CN=release signer' root 'extendedKeyUsage=codeSigning'
root tls-root '/O=yankproof test/CN=server root'
leaf tls '/O=yankproof test/CN=localhost' tls-root 'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1,DNS:'"$host"
