# SPDX-License-Identifier: Apache-2.0
# Scenario files, their loader, the campaign runner and the brickproof command.
SCENARIOS_INCLUDES := -I$(SRC)/scenarios/src -I$(SRC)/sim/include -I$(SRC)/power-cut/include -I$(SRC)/power-cut/server -I$(SRC)/images/corrupt \
	-I$(SRC)/core/include
SCENARIOS_LIBS := scenarios board uboot-process simqemu corrupt testpki simnet block-server $(SIM_LIBS)
SCENARIOS_LDLIBS := -lssl $(SIM_LDLIBS) -lyaml -ljansson -lz -lpthread
SCENARIOS_SRC := schema civil scenario catalog id results results_read cases evidence session execute lab lab_images lab_network \
	qemu qemu_story qemu_lint qemu_runs qemu_execute qemu_replay run_log hil hil_agent hil_cases hil_timing hil_checks lab_hil summary campaign resume \
	select verb_run verb_case verb_list verb_log verb_merge verb_baseline verb_cuts verb_coverage version

$(call library,scenarios,$(SCENARIOS_SRC:%=scenarios/src/%.c),$(SCENARIOS_INCLUDES))
$(call program,brickproof,scenarios/src/main.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
ifneq ($(MUTANT),)
$(B)/scenarios/src/version.o: INCLUDES += -DBP_MUTANT_NAME='"$(MUTANT)"'
endif
$(call program,brickproof-mutants,scenarios/src/mutants.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))

$(call test,scenario,scenarios/test/scenario.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(call test,scenario-cases,scenarios/test/cases.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(call test,hil-timing,scenarios/test/hil_timing.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(call test,scenario-campaign,$(addprefix scenarios/test/,campaign.c joined.c place.c),$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(B)/test/scenario-campaign: | $(B)/ota $(ZOO)/made
$(call fuzzer,scenario,scenarios/fuzz/scenario.c,scenarios,-lyaml,$(SCENARIOS_INCLUDES),scenarios/fuzz/corpus/scenario)
$(call fuzzer,id,scenarios/fuzz/id.c,scenarios power-cut,-lyaml,$(SCENARIOS_INCLUDES),scenarios/fuzz/corpus/id)
$(call fuzzer,results,scenarios/fuzz/results.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES),scenarios/fuzz/corpus/results)

MUTANTS_DEMO := no-flush-before-arm,commit-before-health,empty-signature-ok
.PHONY: power corrupt network campaign mutants mutants-demo
power: $(B)/brickproof ## explore the power cuts of scenarios/power to closure
	$(B)/brickproof run scenarios/power -o build/power
corrupt: $(B)/brickproof ## offer every image that lies to the core, every bit of a bundle's head included; RESUME=1 goes on
	$(B)/brickproof run --tag corrupt -o build/corrupt $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED))
network: $(B)/brickproof $(B)/ota $(ZOO)/made ## let the network fail in every way under the real command; RESUME=1 goes on, SEED=N
	$(B)/brickproof run --tag network -o build/network $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED))
campaign: $(B)/brickproof $(B)/ota $(ZOO)/made ## all that there is, each network fault with a power cut in its recovery too; RESUME=1 goes on, SEED=N
	$(B)/brickproof run --all -o build/campaign $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED))
# One scenario at a time: each has a board for every processor. brickproof's own verdict is the status, whatever the report says.
QEMU_RUN := $(B)/brickproof $(SERVER_PLUGIN) $(B)/brickproof-report
QEMU_OPTIONS = $(if $(QEMU_TAIL),--board $(QEMU)) $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED)) $(if $(LIMIT_SECONDS),--limit-seconds $(LIMIT_SECONDS))
.PHONY: qemu qemu-campaign qemu-mutants
ifeq ($(CROSS)$(MUTANT),)
qemu: $(QEMU_RUN) qemu-images uboot-sandbox ## the same proof on real U-Boot and Linux in QEMU: records, explores, says what is proved; RESUME=1 goes on, SEED=N, LIMIT_SECONDS=N, QEMU_ARCH=x86_64
	scenarios/qemu.sh $(B) qemu build/qemu-proof$(QEMU_TAIL) $(QEMU_OPTIONS)
qemu-campaign: $(QEMU_RUN) qemu-images uboot-sandbox ## every rollback on real U-Boot and Linux too, the power cut anywhere (hours); RESUME=1, SEED=N, LIMIT_SECONDS=N a story
	scenarios/qemu.sh $(B) qemu-campaign build/qemu-campaign$(QEMU_TAIL) $(QEMU_OPTIONS)
qemu-mutants: $(QEMU_RUN) $(B)/brickproof-mutants $(B)/ota qemu-images uboot-sandbox ## planted defects on the emulated board: the mutant's updater in its images, found by its scenario
	$(if $(QEMU_TAIL),$(error the planted defects are found on the arm64 board: make qemu-mutants without QEMU_ARCH))
	$(B)/brickproof-mutants --rig qemu --jobs 1
endif
mutants: $(B)/brickproof $(B)/ota $(B)/brickproof-mutants $(ZOO)/made ## plant each defect of scenarios/mutants; all must be found
	$(B)/brickproof-mutants
mutants-demo: $(B)/brickproof $(B)/ota $(B)/brickproof-mutants $(ZOO)/made
	@$(B)/brickproof-mutants --only $(MUTANTS_DEMO)
# The demonstration has scenarios of rig host.
demo: $(ZOO)/made
