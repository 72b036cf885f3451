#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Home-grown: says the new version first, then unpacks it over the running system. Nothing is flushed. Usage: images/subject/bricker/install.sh BUNDLE ROOT
set -euo pipefail
tar -xzf "$1" -C "$2" usr/lib/os-release
tar -xzf "$1" -C "$2"
