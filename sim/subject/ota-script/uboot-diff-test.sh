#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of `make uboot-diff` that the ordinary test run has time for. Usage: sim/subject/ota-script/uboot-diff-test.sh BUILD
exec "$1/uboot-diff" build/uboot/sandbox build/uboot/diff "$1/uboot-diff.test" 300
