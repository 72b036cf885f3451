# SPDX-License-Identifier: Apache-2.0
# Corrupted and forged bundles: the corrupters, and the judge that offers their bundles to the core in process.
CORRUPT_SRC := $(filter-out images/corrupt/corrupt-main.c images/corrupt/plain-run.c,$(sort $(wildcard images/corrupt/*.c)))
CORRUPT_INCLUDES := -I$(SRC)/images $(CORE_INCLUDES) -I$(SRC)/power-cut/include
CORRUPT_LIBS := corrupt testpki ota power-cut

$(call library,corrupt,$(CORRUPT_SRC),$(CORRUPT_INCLUDES))
$(call program,corrupt-run,images/corrupt/corrupt-main.c images/corrupt/plain-run.c,$(CORRUPT_LIBS),$(CORE_LDLIBS),$(CORRUPT_INCLUDES))
TESTS += $(B)/corrupt-run
$(call test,corrupt,images/corrupt/test/corrupt-test.c,$(CORRUPT_LIBS),$(CORE_LDLIBS),$(CORRUPT_INCLUDES))
