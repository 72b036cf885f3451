#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a zoo of TLS certificates in OUT, beside the test PKI of pki.sh: NAME.pem (chain, leaf first) and NAME.key for servers that
# must be refused and clients that must be told apart. For tests only: the keys are not protected. Usage: images/zoo.sh OUT
set -euo pipefail
"$(dirname "$0")/pki.sh" "$1"
cd "$1"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
root() { # NAME SUBJECT
	key "$1.key"
	openssl req -x509 -new -key "$1.key" -out "$1.pem" -days 3650 -subj "$2" -addext 'keyUsage=critical,keyCertSign,cRLSign'
}
leaf() { # NAME HOST ROOT USAGE [FROM TO]
	rm -rf ca && mkdir ca && : >ca/index && echo 1000 >ca/serial
	key "$1.key"
	openssl req -new -key "$1.key" -out ca/csr -subj "/O=yankproof test/CN=$1"
	printf '[ca]\ndefault_ca=c\n[c]\ndatabase=ca/index\nserial=ca/serial\nnew_certs_dir=ca\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n[p]\nO=optional\nCN=supplied\n' >ca/conf
	printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=DNS:%s\n' "$4" "$2" >ca/ext
	openssl ca -batch -notext -config ca/conf -extfile ca/ext -cert "$3.pem" -keyfile "$3.key" -in ca/csr -out "$1.pem" \
		-startdate "${5:-20200101000000Z}" -enddate "${6:-20400101000000Z}" 2>/dev/null
}
root other-root '/O=nobody we know/CN=other root'
leaf expired localhost tls-root serverAuth 20200101000000Z 20210101000000Z
leaf future localhost tls-root serverAuth 20390101000000Z 20400101000000Z
leaf wrong-host elsewhere.example tls-root serverAuth
leaf wrong-usage localhost tls-root clientAuth
leaf unknown localhost other-root serverAuth
leaf rotated localhost tls-root serverAuth
leaf named update.test tls-root serverAuth
leaf client device tls-root clientAuth
leaf client-expired device tls-root clientAuth 20200101000000Z 20210101000000Z
leaf client-unknown device other-root clientAuth
key self-signed.key
openssl req -x509 -new -key self-signed.key -out self-signed.pem -days 3650 -subj '/CN=localhost' -addext 'subjectAltName=DNS:localhost'
key evil.key # a signer that the keyring does not know
openssl req -x509 -new -key evil.key -out evil.pem -days 3650 -subj '/CN=evil signer' -addext 'extendedKeyUsage=codeSigning' -addext 'keyUsage=critical,digitalSignature'
# A hundred certificates between leaf and root, all with one key.
cp tls-root.pem ca/above.pem && cp tls-root.key ca/above.key && : >ca/chain.pem && key ca/link.key
for i in $(seq 1 100); do
	openssl req -x509 -new -key ca/link.key -CA ca/above.pem -CAkey ca/above.key -out ca/next.pem -days 3650 -subj "/CN=link $i" \
		-addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
	cat ca/next.pem ca/chain.pem >ca/longer.pem && mv ca/longer.pem ca/chain.pem
	mv ca/next.pem ca/above.pem && cp ca/link.key ca/above.key
done
mv ca/chain.pem links && mv ca/above.pem link.pem && mv ca/link.key link.key
leaf chain localhost link serverAuth
cat links >>chain.pem
rm -rf ca links link.pem link.key
