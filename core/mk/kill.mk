# SPDX-License-Identifier: Apache-2.0
# SIGKILL at random points of a real install over HTTPS: a plain program over the real command and nginx.
KILL := $(B)/test/kill
KILL_SRC := $(sort $(wildcard core/test/kill/*.c))
OBJECTS += $(call objects,$(KILL_SRC))
$(call objects,$(KILL_SRC)): INCLUDES += $(CORE_INCLUDES)
$(KILL): $(call objects,$(KILL_SRC)) $(B)/ota
	@mkdir -p $(@D)
	$(CC) $(OTA_LDFLAGS) -o $@ $(filter %.o,$^) -ljansson
TESTS += $(KILL)

KILL_COUNT ?= 200
KILL_SEED ?= 1
.PHONY: kill
kill: build/setup-test.stamp $(KILL) ## kill ota at KILL_COUNT (200) random points of an install over HTTPS; each must end verified
	$(KILL) --count=$(KILL_COUNT) --seed=$(KILL_SEED)
