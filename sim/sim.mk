# SPDX-License-Identifier: Apache-2.0
# The in-process device. A program that links libsim takes SIM_LIBS and SIM_LDLIBS: allocation failures need the --wrap.
SIM_INCLUDES := -I$(SRC)/sim/include -I$(SRC)/sim -I$(SRC)/core/include -I$(SRC)/power-cut/include
# The subjects: independent of rigs and of core.
SUBJECT_SRC := $(sort $(wildcard sim/subject/*.c))
SUBJECT_LIBS := subject power-cut
SUBJECT_LDLIBS := -lcrypto -ljansson
$(call library,subject,$(SUBJECT_SRC),$(SIM_INCLUDES))
SIM_SRC := $(sort $(wildcard sim/device/*.c sim/pki/*.c))
SIM_LIBS := sim oracle $(SUBJECT_LIBS) ota
SIM_LDLIBS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup $(CORE_LDLIBS) -ljansson
$(call library,sim,$(SIM_SRC),$(SIM_INCLUDES))

$(call test,sim-bootloader,sim/test/boot-decision-test.c,$(SIM_LIBS),$(SIM_LDLIBS),$(SIM_INCLUDES))
$(call test,sim,sim/test/device-test.c,$(SIM_LIBS),$(SIM_LDLIBS),$(SIM_INCLUDES))
-include sim/network.mk
-include sim/host.mk

# Not a program that is installed: no part of `all`.
RECOVER_BENCH := $(B)/bench/recover-bench
OBJECTS += $(call objects,sim/bench/recover-bench.c)
$(call objects,sim/bench/recover-bench.c): INCLUDES += $(SIM_INCLUDES)
$(RECOVER_BENCH): $(call objects,sim/bench/recover-bench.c) $(SIM_LIBS:%=$(B)/lib%.a)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OTA_LDFLAGS) -o $@ $^ $(SIM_LDLIBS)
.PHONY: bench-recover
bench-recover: $(RECOVER_BENCH) ## measure crash states settled and run per CPU-second, on the real core
	$(RECOVER_BENCH)
-include sim/uboot-diff.mk
-include sim/emulator.mk
-include sim/oracle.mk
