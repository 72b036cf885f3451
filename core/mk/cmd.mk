# SPDX-License-Identifier: Apache-2.0
# The Linux platform (a library of its own: simulated devices do not link it) and the ota command.
LINUX_SRC := $(sort $(wildcard core/linux/*.c))
CMD_SRC := $(sort $(wildcard core/cmd/*.c))

$(call library,ota-linux,$(LINUX_SRC),$(CORE_INCLUDES))
$(call program,ota,$(CMD_SRC),ota-linux ota,$(CORE_LDLIBS),$(CORE_INCLUDES))

$(call test,config,core/test/linux/system-conf-test.c,ota-linux ota,$(CORE_LDLIBS),$(CORE_INCLUDES))
$(call test,linux,core/test/linux/linux-test.c,testhelpers ota-linux ota,$(CORE_LDLIBS),$(CORE_INCLUDES))
$(call test,cmd,core/test/linux/cmd-test.c core/test/linux/cmd-lab.c,testhelpers testpki ota-linux ota,$(CORE_LDLIBS),$(CORE_INCLUDES))
$(call test,bench,core/test/linux/bench-marks-test.c core/test/linux/cmd-lab.c,testhelpers testpki ota-linux ota,$(CORE_LDLIBS),$(CORE_INCLUDES))
$(B)/test/cmd $(B)/test/bench: $(B)/ota
$(call fuzzer,bench,core/fuzz/bench-marks-fuzz.c,ota-linux ota,$(CORE_LDLIBS),$(CORE_INCLUDES),core/fuzz/corpus/bench)

# For a device or its package: the command, its units, its examples.
PREFIX ?= /usr
.PHONY: install
install: $(B)/ota ## install ota, its systemd units and examples below DESTDIR and PREFIX (/usr)
	install -D -m 755 $(B)/ota $(DESTDIR)$(PREFIX)/bin/ota
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in core/systemd/*; do sed 's,/usr/bin/,$(PREFIX)/bin/,' $$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/} || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/ota core/README.md core/etc/*.example
