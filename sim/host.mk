# SPDX-License-Identifier: Apache-2.0
# Real commands on this kernel, their media ours. A program that links libhost takes HOST_LIBS and HOST_LDLIBS.
HOST_LIBS := host fuse-front block-server power-cut
HOST_LDLIBS = $(FUSE_LDLIBS) -lcrypto
HOST_INCLUDES := $(SIM_INCLUDES) -I$(SRC)/power-cut
$(call library,host,$(sort $(wildcard sim/host/*.c)),$(HOST_INCLUDES))

# Real commands, recorded and explored: the example of README.md.
$(B)/test/record-explore: sim/host/test/record-explore-test.sh sim/host.mk | $(B)/yankproof $(B)/yankproof-report
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec sim/host/test/record-explore-test.sh %s\n' $(B) >$@ && chmod +x $@
TESTS += $(B)/test/record-explore
