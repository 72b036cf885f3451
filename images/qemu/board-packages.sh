#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches Debian's packages of packages.txt with all that they depend on, and Debian's kernel, and unpacks them: OUT/sysroot,
# OUT/kernel. Nothing of it is run, and the machine's own package manager is left alone. Usage: images/qemu/board-packages.sh ARCH OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
mkdir -p "$2"
out=$(cd "$2" && pwd)
apt=$out/apt
rm -rf "$apt" "$out/sysroot" "$out/kernel"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$out/sysroot" "$out/kernel"

# The suites that this machine's own apt reads, so that mirrors and proxies hold here too.
apt-get indextargets --format "\$(ORIGIN)|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \$(REPO_URI) \$(RELEASE) main" \
	'Created-By: Packages' 'Component: main' | sed -n 's/^Debian|//p' | grep -E ' (bookworm|stable)[a-z-]* main$' | sort -u >"$apt/sources.list"
[ -s "$apt/sources.list" ] || { echo "qemu: apt knows no Debian 12 suite; run apt-get update" >&2; exit 1; }
: >"$apt/status"
cat >"$apt/apt.conf" <<CONF
APT::Architecture "$arch_debian";
APT::Architectures { "$arch_debian"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
CONF
export APT_CONFIG=$apt/apt.conf
apt-get -qq update
# shellcheck disable=SC2046 # words
apt-get -qq -y --download-only install $(cat "$here/packages.txt") >"$apt/fetch.log" 2>&1 || { tail -n 20 "$apt/fetch.log" >&2; exit 1; }
for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$out/sysroot"; done
kernel=$(apt-cache depends "linux-image-$arch_debian" | sed -n 's/^ *Depends: \(linux-image-6.*\)$/\1/p')
(cd "$apt" && apt-get -qq download "$kernel")
dpkg-deb -x "$apt/$kernel"_*.deb "$out/kernel"
