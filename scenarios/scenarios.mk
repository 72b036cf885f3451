# SPDX-License-Identifier: Apache-2.0
# Scenario files, their loader, the campaign runner and the yankproof command.
SCENARIOS_INCLUDES := -I$(SRC)/scenarios $(SIM_INCLUDES) -I$(SRC)/power-cut -I$(SRC)/images
SCENARIOS_LIBS := scenarios host fuse-front oracle uboot-process emulator corrupt testpki network block-server $(SIM_LIBS)
SCENARIOS_LDLIBS := -lssl $(SIM_LDLIBS) -lyaml -ljansson -lz -lpthread $(FUSE_LDLIBS)
SCENARIOS_SRC := $(filter-out scenarios/command/yankproof-main.c,$(sort $(foreach room,command campaign results file rigs rigs/qemu rigs/board,$(wildcard scenarios/$(room)/*.c))))

$(call library,scenarios,$(SCENARIOS_SRC),$(SCENARIOS_INCLUDES))
$(call program,yankproof,scenarios/command/yankproof-main.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
ifneq ($(MUTANT),)
$(B)/scenarios/file/version.o: INCLUDES += -DYP_MUTANT_NAME='"$(MUTANT)"'
endif
$(call program,yankproof-mutants,$(sort $(wildcard scenarios/defects/*.c)),$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))

$(call test,scenario,scenarios/test/scenario-test.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(call test,scenario-cases,scenarios/test/case-lines-test.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(call test,hil-timing,scenarios/test/board-timing-test.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(call test,scenario-campaign,$(addprefix scenarios/test/,campaign-test.c joined-campaign-test.c campaign-place.c),$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES))
$(B)/test/scenario-campaign: | $(B)/ota $(ZOO)/made
$(call fuzzer,scenario,scenarios/fuzz/scenario-fuzz.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES),scenarios/fuzz/corpus/scenario)
$(call fuzzer,id,scenarios/fuzz/case-text-fuzz.c,scenarios $(SUBJECT_LIBS),$(SUBJECT_LDLIBS) -lyaml,$(SCENARIOS_INCLUDES),scenarios/fuzz/corpus/id)
$(call fuzzer,results,scenarios/fuzz/results-fuzz.c,$(SCENARIOS_LIBS),$(SCENARIOS_LDLIBS),$(SCENARIOS_INCLUDES),scenarios/fuzz/corpus/results)

MUTANTS_DEMO := no-flush-before-arm,commit-before-health,empty-signature-ok
.PHONY: power corrupt network campaign mutants mutants-demo
power: $(B)/yankproof ## explore the power cuts of scenarios/power to closure
	$(B)/yankproof run scenarios/power -o build/power
corrupt: $(B)/yankproof ## offer corrupted and forged bundles to the core, every bit of a bundle's head included; RESUME=1 continues
	$(B)/yankproof run --tag corrupt -o build/corrupt $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED))
network: $(B)/yankproof $(B)/ota $(ZOO)/made ## run the real command on a failing network, one fault a case; RESUME=1 continues, SEED=N
	$(B)/yankproof run --tag network -o build/network $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED))
campaign: $(B)/yankproof $(B)/ota $(ZOO)/made ## run all scenarios, each network fault also with a power cut in its recovery; RESUME=1 continues, SEED=N
	$(B)/yankproof run --all -o build/campaign $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED))
# One scenario at a time: each has a board for every processor. The exit status is yankproof's, not the report's.
QEMU_RUN := $(B)/yankproof $(SERVER_PLUGIN) $(B)/yankproof-report
QEMU_OPTIONS = $(if $(QEMU_TAIL),--board $(QEMU)) $(if $(RESUME),--resume) $(if $(SEED),--seed $(SEED)) $(if $(LIMIT_SECONDS),--limit-seconds $(LIMIT_SECONDS))
.PHONY: qemu qemu-campaign qemu-mutants
ifeq ($(CROSS)$(MUTANT),)
qemu: $(QEMU_RUN) qemu-images uboot-sandbox ## explore power cuts on real U-Boot and Linux in QEMU; RESUME=1 continues, SEED=N, LIMIT_SECONDS=N, QEMU_ARCH=x86_64
	scenarios/rigs/qemu/run-qemu.sh $(B) qemu build/qemu-proof$(QEMU_TAIL) $(QEMU_OPTIONS)
qemu-campaign: $(QEMU_RUN) qemu-images uboot-sandbox ## explore every rollback on real U-Boot and Linux (hours); RESUME=1, SEED=N, LIMIT_SECONDS=N for each story
	scenarios/rigs/qemu/run-qemu.sh $(B) qemu-campaign build/qemu-campaign$(QEMU_TAIL) $(QEMU_OPTIONS)
qemu-mutants: $(QEMU_RUN) $(B)/yankproof-mutants $(B)/ota qemu-images uboot-sandbox ## find planted defects on the emulated board, with the mutant's updater in its images
	$(if $(QEMU_TAIL),$(error the planted defects are found on the arm64 board: make qemu-mutants without QEMU_ARCH))
	$(B)/yankproof-mutants --rig qemu --jobs 1
endif
mutants: $(B)/yankproof $(B)/ota $(B)/yankproof-mutants $(ZOO)/made ## plant each defect of scenarios/defects; all must be found
	$(B)/yankproof-mutants
mutants-demo: $(B)/yankproof $(B)/ota $(B)/yankproof-mutants $(ZOO)/made
	@$(B)/yankproof-mutants --only $(MUTANTS_DEMO)
# The demonstration has scenarios of rig network.
demo: $(ZOO)/made
