# SPDX-License-Identifier: Apache-2.0
# The QEMU rig. A program that links libsimqemu takes SIM_QEMU_LIBS and SIM_QEMU_LDLIBS, and needs the block server's plugin.
SIM_QEMU_SRC := $(filter-out sim/qemu/main.c sim/qemu/bench.c,$(sort $(wildcard sim/qemu/*.c)))
SIM_QEMU_LIBS := simqemu simnet block-server power-cut ota
SIM_QEMU_LDLIBS := -ljansson -lpthread $(SIM_NET_LDLIBS)
SIM_QEMU_INCLUDES := $(SIM_NET_INCLUDES) -I$(SRC)/power-cut/server
$(call library,simqemu,$(SIM_QEMU_SRC),$(SIM_QEMU_INCLUDES) -I$(SRC)/sim/qemu)

$(call program,qemu-rig,sim/qemu/main.c,$(SIM_QEMU_LIBS),$(SIM_QEMU_LDLIBS),$(SIM_QEMU_INCLUDES) -I$(SRC)/sim/qemu -DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\")
$(B)/qemu-rig: | $(SERVER_PLUGIN)

$(call test,qemu-parts,sim/qemu/test/parts.c,$(SIM_QEMU_LIBS),$(SIM_QEMU_LDLIBS),$(SIM_QEMU_INCLUDES) -I$(SRC)/sim/qemu)
$(call fuzzer,qemu-guest,sim/qemu/fuzz/guest.c,$(SIM_QEMU_LIBS),$(SIM_QEMU_LDLIBS),$(SIM_QEMU_INCLUDES) -I$(SRC)/sim/qemu,sim/qemu/fuzz/corpus)
# The real board, where it happens to be built. A sanitised plugin does not load into a plain nbdkit.
SIM_QEMU_SANITISED := $(if $(filter san fuzz,$(VARIANT)),1,0)
$(call test,qemu-board,sim/qemu/test/board.c,$(SIM_QEMU_LIBS),$(SIM_QEMU_LDLIBS),$(SIM_QEMU_INCLUDES) -I$(SRC)/sim/qemu \
	-DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\" -DQEMU_IMAGES=\"build/qemu\" -DQEMU_SANITISED=$(SIM_QEMU_SANITISED))
$(B)/test/qemu-board: | $(SERVER_PLUGIN)

QEMU_BENCH := $(B)/bench/qemu-bench
OBJECTS += $(call objects,sim/qemu/bench.c)
$(call objects,sim/qemu/bench.c): INCLUDES += $(SIM_QEMU_INCLUDES) -DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\"
$(QEMU_BENCH): $(call objects,sim/qemu/bench.c) $(SIM_QEMU_LIBS:%=$(B)/lib%.a) | $(SERVER_PLUGIN)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OTA_LDFLAGS) -o $@ $(filter %.o,$^) $(SIM_QEMU_LIBS:%=$(B)/lib%.a) $(SIM_QEMU_LDLIBS)
.PHONY: bench-qemu
bench-qemu: $(QEMU_BENCH) ## boots of the emulated board a minute, snapshots, what recording costs
	$(QEMU_BENCH) $(QEMU) $(B)/bench/qemu-bench.work 3
