# SPDX-License-Identifier: Apache-2.0
# The QEMU rig. A program that links libemulator takes EMULATOR_LIBS and EMULATOR_LDLIBS, and needs the block server's plugin.
EMULATOR_SRC := $(filter-out sim/emulator/emulator-main.c sim/emulator/emulator-bench.c,$(sort $(wildcard sim/emulator/*.c)))
EMULATOR_LIBS := emulator network subject block-server power-cut ota
EMULATOR_LDLIBS := -ljansson -lpthread $(NETWORK_LDLIBS)
EMULATOR_INCLUDES := $(SIM_INCLUDES) -I$(SRC)/power-cut
$(call library,emulator,$(EMULATOR_SRC),$(EMULATOR_INCLUDES))

$(call program,qemu-rig,sim/emulator/emulator-main.c,$(EMULATOR_LIBS),$(EMULATOR_LDLIBS),$(EMULATOR_INCLUDES) -DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\")
$(B)/qemu-rig: | $(SERVER_PLUGIN)

$(call test,qemu-parts,sim/emulator/test/emulator-parts-test.c,$(EMULATOR_LIBS),$(EMULATOR_LDLIBS),$(EMULATOR_INCLUDES))
$(call fuzzer,qemu-guest,sim/emulator/fuzz/guest-channel-fuzz.c,$(EMULATOR_LIBS),$(EMULATOR_LDLIBS),$(EMULATOR_INCLUDES),sim/emulator/fuzz/corpus)
# The real board, if it is built. A sanitised plugin does not load into a plain nbdkit.
EMULATOR_SANITISED := $(if $(filter san fuzz,$(VARIANT)),1,0)
$(call test,qemu-board,sim/emulator/test/emulated-board-test.c,$(EMULATOR_LIBS),$(EMULATOR_LDLIBS),$(EMULATOR_INCLUDES) \
	-DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\" -DQEMU_IMAGES=\"build/qemu\" -DQEMU_SANITISED=$(EMULATOR_SANITISED))
$(B)/test/qemu-board: | $(SERVER_PLUGIN)

QEMU_BENCH := $(B)/bench/qemu-bench
OBJECTS += $(call objects,sim/emulator/emulator-bench.c)
$(call objects,sim/emulator/emulator-bench.c): INCLUDES += $(EMULATOR_INCLUDES) -DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\"
$(QEMU_BENCH): $(call objects,sim/emulator/emulator-bench.c) $(EMULATOR_LIBS:%=$(B)/lib%.a) | $(SERVER_PLUGIN)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OTA_LDFLAGS) -o $@ $(filter %.o,$^) $(EMULATOR_LIBS:%=$(B)/lib%.a) $(EMULATOR_LDLIBS)
.PHONY: bench-qemu
bench-qemu: $(QEMU_BENCH) ## measure boots of the emulated board per minute, snapshots, and the cost of recording
	$(QEMU_BENCH) $(QEMU) $(B)/bench/qemu-bench.work 3
