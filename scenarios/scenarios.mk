# SPDX-License-Identifier: Apache-2.0
# Scenario files, their loader, the campaign runner and the brickproof command.
SCENARIOS_INCLUDES := -I$(SRC)/scenarios/src -I$(SRC)/sim/include -I$(SRC)/power-cut/include
SCENARIOS_LIBS := scenarios $(SIM_LIBS)
SCENARIOS_LDLIBS := $(SIM_LDLIBS) -lyaml -ljansson
SCENARIOS_SRC := schema civil scenario catalog id results results_read cases session execute summary campaign resume \
	select verb_run verb_case verb_list verb_log verb_merge verb_baseline version

$(call library,scenarios,$(SCENARIOS_SRC:%=scenarios/src/%.c),$(SCENARIOS_INCLUDES))
ifneq ($(MUTANT),)
$(B)/scenarios/src/version.o: INCLUDES += -DBP_MUTANT_NAME='"$(MUTANT)"'
endif
