# SPDX-License-Identifier: Apache-2.0
# The oracles of the emulated board: what its media say. A program that links liboracle takes ORACLE_LIBS and ORACLE_LDLIBS.
ORACLE_SRC := $(filter-out sim/oracle/memo.c sim/oracle/reports-seen.c,$(sort $(wildcard sim/oracle/*.c)))
ORACLE_LIBS := oracle uboot-process $(SIM_LIBS)
ORACLE_LDLIBS := -lz
$(call library,uboot-process,sim/uboot/uboot-process.c sim/uboot/uboot-environments.c,$(SIM_INCLUDES))
$(call library,oracle,$(ORACLE_SRC),$(SIM_INCLUDES))
$(call test,oracle,sim/oracle/test/oracle-test.c,$(ORACLE_LIBS),$(SIM_LDLIBS) $(ORACLE_LDLIBS),$(SIM_INCLUDES))
