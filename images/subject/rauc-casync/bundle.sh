#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a RAUC bundle OUT of IMAGE whose image is a casync index; the chunks go to the store beside it. Usage: VERSION=V images/subject/rauc-casync/bundle.sh IMAGE OUT
set -euo pipefail
image=$1 out=$2 whole=$WORK/whole.$$.raucb conf=$WORK/convert.$$.conf
"$(dirname "$0")/../rauc/bundle.sh" "$image" "$whole"
sed -e "s|\${KEYS}/root|$KEYS/${SIGNER:-root}|" -e "s|\${SLOT_.}|/dev/null|" "$(dirname "$0")/system.conf" >"$conf" # for the purpose of the certificate
rm -rf "$out" "${out%.raucb}.castr"
rauc --conf="$conf" convert --cert="$KEYS/${SIGNER:-sign}.pem" --key="$KEYS/${SIGNER:-sign}.key" "$whole" "$out"
rm "$whole" "$conf"
