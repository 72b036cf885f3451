# SPDX-License-Identifier: Apache-2.0
# The boot decision as a program, for the toy board of hil/box.
$(call program,boot-decide,sim/subject/ota-script/boot-decide-main.c,$(SIM_LIBS),$(SIM_LDLIBS),$(SIM_INCLUDES))
