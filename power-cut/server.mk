# SPDX-License-Identifier: Apache-2.0
# The block server: media over NBD that are recorded, cut and made to fail. See server/block-server.h and server/server-command.h.
SERVER_INCLUDES := $(POWER_CUT_PRIVATE)
SERVER_SRC := $(filter-out power-cut/server/nbdkit-plugin.c,$(sort $(wildcard power-cut/server/*.c)))
$(call library,block-server,$(SERVER_SRC),$(SERVER_INCLUDES))

$(call test,block-server,$(addprefix power-cut/server/test/,block-server-test.c server-faults-test.c server-text-test.c server-fixture.c),block-server power-cut,,$(SERVER_INCLUDES))
$(call test,block-server-stream,power-cut/server/test/log-stream-test.c,power-cut,,$(POWER_CUT_INCLUDES))
$(call fuzzer,block-server,power-cut/server/fuzz/server-command-fuzz.c,block-server power-cut,,$(SERVER_INCLUDES),power-cut/server/fuzz/corpus)

# The plugin is one shared object of its own: everything again, position-independent, with one name to the outside.
SERVER_PLUGIN := $(B)/nbdkit-powercut-plugin.so
SERVER_PIC := $(patsubst %.c,$(B)/pic/%.o,$(POWER_CUT_SRC) $(SERVER_SRC) power-cut/server/nbdkit-plugin.c)
$(SERVER_PIC): $(B)/pic/%.o: $(SRC)/%.c | build/setup-server.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(OTA_CFLAGS) -fPIC -fvisibility=hidden $(SERVER_INCLUDES) -c -o $@ $<
$(SERVER_PLUGIN): $(SERVER_PIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OTA_LDFLAGS) -shared -o $@ $^ -lpthread
-include $(SERVER_PIC:.o=.d)

# The media as files of this kernel: the other front of the same library.
FUSE_CFLAGS := -I/usr/include/fuse3
FUSE_LDLIBS := -lfuse3 -lpthread
$(call library,fuse-front,power-cut/server/fuse/fuse-front.c,$(SERVER_INCLUDES) $(FUSE_CFLAGS))
$(call test,fuse-front,power-cut/server/test/fuse-front-test.c,fuse-front block-server power-cut,$(FUSE_LDLIBS),$(SERVER_INCLUDES))

# Over NBD, as QEMU sees it. A sanitised plugin needs its runtime loaded before nbdkit's own code.
SERVER_PRELOAD := $(if $(filter san,$(VARIANT)),$(shell $(CC) -print-file-name=libasan.so))
SERVER_TEST_FLAGS := -DSERVER_PLUGIN=\"$(SERVER_PLUGIN)\" -DSERVER_PRELOAD=\"$(SERVER_PRELOAD)\"
$(call test,block-server-nbd,power-cut/server/test/nbd-test.c power-cut/server/test/nbd-rig.c,block-server power-cut,-lnbd,\
	$(SERVER_INCLUDES) $(SERVER_TEST_FLAGS))
$(call program,power-cut/server-bench,power-cut/server/bench/server-bench.c power-cut/server/test/nbd-rig.c,,-lnbd,\
	$(SERVER_INCLUDES) $(SERVER_TEST_FLAGS))
$(call objects,power-cut/server/test/nbd-test.c power-cut/server/test/nbd-rig.c power-cut/server/bench/server-bench.c): | build/setup-server.stamp
$(B)/test/block-server-nbd $(B)/power-cut/server-bench: | $(SERVER_PLUGIN)

.PHONY: bench-server
bench-server: $(B)/power-cut/server-bench ## compare the block server with nbdkit's memory plugin
	$(B)/power-cut/server-bench
