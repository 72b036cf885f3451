# SPDX-License-Identifier: Apache-2.0
# Write logs, storage models, crash states, the explorer, shrinking, the lint.
POWER_CUT_INCLUDES := -I$(SRC)/power-cut/include
POWER_CUT_SRC := $(sort $(wildcard power-cut/src/*.c))
$(call library,power-cut,$(POWER_CUT_SRC),$(POWER_CUT_INCLUDES) -I$(SRC)/power-cut/src)

$(call test,power-cut-brute-force,power-cut/test/brute-force.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-case,power-cut/test/case.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-explore,power-cut/test/explore.c power-cut/test/toy.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-rounds,power-cut/test/rounds.c power-cut/test/toy.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-lint,power-cut/test/lint.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-log,power-cut/test/log.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call fuzzer,writelog,power-cut/fuzz/writelog.c,power-cut,,$(POWER_CUT_INCLUDES),power-cut/fuzz/corpus)
$(call program,power-cut/explore-bench,power-cut/bench/explore-bench.c,power-cut,,$(POWER_CUT_INCLUDES))

.PHONY: bench-explore
bench-explore: $(B)/power-cut/explore-bench ## crash states settled and run per CPU-second
	$(B)/power-cut/explore-bench

-include power-cut/server.mk
