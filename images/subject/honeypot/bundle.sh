#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the folder OUT for a web server: IMAGE, and its checksum. Usage: images/subject/honeypot/bundle.sh IMAGE OUT
set -euo pipefail
mkdir -p "$2"
gzip -9nc "$1" >"$2/image.gz"
(cd "$2" && cksum image.gz >image.cksum)
