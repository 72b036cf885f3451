# SPDX-License-Identifier: Apache-2.0
# The real U-Boot, built as a process (images/uboot-build.mk), against the decision table, the library and fw_printenv.
UBOOT_DIFF := $(B)/uboot-diff
DIFF_COUNT ?= 10000
DIFF_SEED ?= 20230109
$(call program,uboot-diff,$(filter-out %/boot-decide-main.c,$(sort $(wildcard sim/uboot/*.c sim/subject/ota-script/*.c))),$(SUBJECT_LIBS) ota,$(CORE_LDLIBS) -ljansson -lz,$(SIM_INCLUDES))

.PHONY: uboot-diff
uboot-diff: uboot-sandbox $(UBOOT_DIFF) ## compare U-Boot, decision table, ota and fw_printenv on DIFF_COUNT (10000) seeded environments
	$(UBOOT_DIFF) build/uboot/sandbox build/uboot/diff $(B)/uboot-diff.work $(DIFF_COUNT) $(DIFF_SEED)

# The ordinary test run compares a few hundred if U-Boot is built; otherwise the test is skipped and counted.
$(B)/test/uboot-diff: sim/subject/ota-script/uboot-diff-test.sh $(UBOOT_DIFF)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec sim/subject/ota-script/uboot-diff-test.sh %s\n' $(B) >$@ && chmod +x $@
TESTS += $(B)/test/uboot-diff
