#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# Is this version good? User data can be read and written, and the network card is there.
[ -f /data/canary ] && echo "$OTA_VERSION" >/data/health && [ -e /sys/class/net/eth0 ]
