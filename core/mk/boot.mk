# SPDX-License-Identifier: Apache-2.0
# The boot environment: codec, back-ends, configuration.
CORE_SRC += core/src/env.c core/src/uboot.c
