# SPDX-License-Identifier: Apache-2.0
# libota and the ota command. Each part appends its sources to CORE_SRC and declares its tests.
CORE_SRC :=
CORE_INCLUDES := -I$(SRC)/core/include -I$(SRC)/core/src
CORE_LDLIBS := -lcurl -lssl -lcrypto -lzstd -linih -lpthread
include $(sort $(wildcard core/mk/*.mk))
$(call library,ota,$(CORE_SRC),$(CORE_INCLUDES))
