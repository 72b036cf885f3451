#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the package OLD_BUNDLE on the file system mounted at MOUNT. Usage: images/subject/dpkg/factory.sh MOUNT OLD_BUNDLE
set -euo pipefail
mkdir -p "$1"/var/lib/dpkg/{info,updates,triggers} "$1/var/log"
: >"$1/var/lib/dpkg/status"
dpkg --root="$1" --log=/dev/null -i "$2" >&2
