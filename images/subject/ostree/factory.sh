#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the system of repository OLD_BUNDLE as the first deployment on the file system mounted at MOUNT. Usage: images/subject/ostree/factory.sh MOUNT OLD_BUNDLE
set -euo pipefail
mount=$1 old=$2 repo=$1/ostree/repo
ostree admin init-fs "$mount"
ostree admin os-init --sysroot="$mount" example
ostree config --repo="$repo" set sysroot.bootloader none
ostree remote add --repo="$repo" --gpg-import="$KEYS/sign.gpg" origin file:///run/update
ostree pull-local --repo="$repo" --remote=origin "$old" example/stable
ostree admin deploy --sysroot="$mount" --os=example --karg=quiet origin:example/stable
