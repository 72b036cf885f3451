# SPDX-License-Identifier: Apache-2.0
# Write logs, storage models, crash states, the explorer, shrinking, the lint.
POWER_CUT_INCLUDES := -I$(SRC)/power-cut/include
POWER_CUT_SRC := $(sort $(wildcard power-cut/src/*.c))
$(call library,power-cut,$(POWER_CUT_SRC),$(POWER_CUT_INCLUDES) -I$(SRC)/power-cut/src)

$(call test,power-cut-brute-force,power-cut/test/brute-force.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-explore,power-cut/test/explore.c power-cut/test/toy.c,power-cut,,$(POWER_CUT_INCLUDES))
