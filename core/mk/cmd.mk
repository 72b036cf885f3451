# SPDX-License-Identifier: Apache-2.0
# The Linux platform (a library of its own: simulated devices do not link it) and the ota command.
LINUX_SRC := $(addprefix core/linux/,bench.c config.c clock.c file.c lock.c host.c process.c platform.c media.c bootloader.c \
	network.c device.c)
CMD_SRC := $(addprefix core/cmd/,main.c options.c verbs.c outcome.c progress.c run.c status.c info.c bundle.c json.c)
LINUX_INCLUDES := $(CORE_INCLUDES) -I$(SRC)/core/linux

$(call library,ota-linux,$(LINUX_SRC),$(LINUX_INCLUDES))
$(call program,ota,$(CMD_SRC),ota-linux ota,$(CORE_LDLIBS),$(LINUX_INCLUDES))

$(call test,config,core/test/config.c,ota-linux ota,$(CORE_LDLIBS),$(LINUX_INCLUDES))
$(call test,linux,core/test/linux.c,ota-linux ota,$(CORE_LDLIBS),$(LINUX_INCLUDES))
$(call test,cmd,core/test/cmd.c core/test/cmd_lab.c,testpki ota-linux ota,$(CORE_LDLIBS),$(LINUX_INCLUDES) -I$(SRC)/core/test)
$(call test,bench,core/test/bench.c core/test/cmd_lab.c,testpki ota-linux ota,$(CORE_LDLIBS),$(LINUX_INCLUDES) -I$(SRC)/core/test)
$(B)/test/cmd $(B)/test/bench: $(B)/ota
$(call fuzzer,bench,core/fuzz/bench.c,ota-linux ota,$(CORE_LDLIBS),$(LINUX_INCLUDES),core/fuzz/corpus/bench)
