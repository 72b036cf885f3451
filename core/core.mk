# SPDX-License-Identifier: Apache-2.0
# libota and the ota command. Every .c of a room belongs to the room; mk/ has the tests and programs.
CORE_ROOMS := base bundle stream fetch boot store transaction
CORE_SRC := $(sort $(foreach room,$(CORE_ROOMS),$(wildcard core/$(room)/*.c)))
CORE_INCLUDES := -I$(SRC)/core/include -I$(SRC)/core
CORE_LDLIBS := -lcurl -lssl -lcrypto -lzstd -linih -lpthread
include $(sort $(wildcard core/mk/*.mk))
$(call library,ota,$(CORE_SRC),$(CORE_INCLUDES))
# libtesthelpers: a clock, random numbers and small files for the tests of all rooms.
$(call library,testhelpers,core/test/test-helpers.c,$(CORE_INCLUDES))
