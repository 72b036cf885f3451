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

# For a device or its package: the command, its units, its examples.
PREFIX ?= /usr
.PHONY: install
install: $(B)/ota ## install ota, its systemd units and examples below DESTDIR and PREFIX (/usr)
	install -D -m 755 $(B)/ota $(DESTDIR)$(PREFIX)/bin/ota
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in core/systemd/*; do sed 's,/usr/bin/,$(PREFIX)/bin/,' $$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/} || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/ota core/README.md core/etc/*.example
