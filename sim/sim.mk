# SPDX-License-Identifier: Apache-2.0
# The in-process device. A program that links libsim takes SIM_LIBS and SIM_LDLIBS: allocation failures need the --wrap.
SIM_INCLUDES := -I$(SRC)/sim/include -I$(SRC)/core/include -I$(SRC)/power-cut/include
SIM_SRC := $(sort $(wildcard sim/src/*.c))
SIM_LIBS := sim power-cut ota
SIM_LDLIBS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup $(CORE_LDLIBS)
$(call library,sim,$(SIM_SRC),$(SIM_INCLUDES) -I$(SRC)/sim/src)

SIM_TEST_INCLUDES := $(SIM_INCLUDES) -I$(SRC)/sim/src
$(call test,sim-bootloader,sim/test/bootloader.c,$(SIM_LIBS),$(SIM_LDLIBS),$(SIM_TEST_INCLUDES))
$(call test,sim,sim/test/sim.c,$(SIM_LIBS),$(SIM_LDLIBS),$(SIM_TEST_INCLUDES))
-include sim/net.mk
