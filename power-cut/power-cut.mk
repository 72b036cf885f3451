# SPDX-License-Identifier: Apache-2.0
# Write logs, storage models, crash states, the explorer, shrinking, the lint.
POWER_CUT_INCLUDES := -I$(SRC)/power-cut/include
POWER_CUT_PRIVATE := $(POWER_CUT_INCLUDES) -I$(SRC)/power-cut
POWER_CUT_SRC := $(sort $(foreach room,base log state explore,$(wildcard power-cut/$(room)/*.c)))
$(call library,power-cut,$(POWER_CUT_SRC),$(POWER_CUT_PRIVATE))

$(call test,power-cut-brute-force,power-cut/test/brute-force-test.c,power-cut,,$(POWER_CUT_PRIVATE))
$(call test,power-cut-case,power-cut/test/case-id-test.c,power-cut,,$(POWER_CUT_PRIVATE))
$(call test,power-cut-explore,power-cut/test/explore-test.c power-cut/test/toy-device.c,power-cut,,$(POWER_CUT_PRIVATE))
$(call test,power-cut-rounds,power-cut/test/rounds-test.c power-cut/test/toy-device.c,power-cut,,$(POWER_CUT_PRIVATE))
$(call test,power-cut-lint,power-cut/test/lint-test.c,power-cut,,$(POWER_CUT_PRIVATE))
$(call test,power-cut-phases,power-cut/test/phase-test.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-models,power-cut/test/storage-model-test.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call test,power-cut-log,power-cut/test/write-log-test.c,power-cut,,$(POWER_CUT_PRIVATE))
$(call fuzzer,writelog,power-cut/fuzz/write-log-fuzz.c,power-cut,,$(POWER_CUT_INCLUDES),power-cut/fuzz/corpus)
$(call program,power-cut/explore-bench,power-cut/bench/explore-bench.c,power-cut,,$(POWER_CUT_INCLUDES))

.PHONY: bench-explore
bench-explore: $(B)/power-cut/explore-bench ## measure crash states settled and run per CPU-second
	$(B)/power-cut/explore-bench

-include power-cut/server.mk
