#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The updater of the subject `tiny`: sim/subject/tiny.c. It runs at every start and prints what is done to the media, one
# operation a line, for the test that holds them. Usage: tiny-updater.sh BOOTED PENDING VERSION [no-flush]
set -eu
booted=$1 pending=$2 version=$3 how=${4:-}

if [ "$pending" = 1 ]; then # this version is up: keep it
	echo "setenv pending=0 tries=0"
	exit 0
fi
[ "$version" != new ] || exit 0

case $booted in A) target=b active=B ;; *) target=a active=A ;; esac
echo "zero image-$target 0 1" # until all of it is there, nothing may start it
echo "flush image-$target"
for first in 1 9 17 25; do
	echo "write image-$target $first 8"
done
[ "$how" = no-flush ] || echo "flush image-$target"
echo "write image-$target 0 1"
[ "$how" = no-flush ] || echo "flush image-$target"
echo "setenv active=$active pending=1 tries=0"
echo reboot
