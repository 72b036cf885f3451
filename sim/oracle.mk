# SPDX-License-Identifier: Apache-2.0
# The oracles: they judge media and reports of a run. A program that links liboracle takes ORACLE_LIBS and ORACLE_LDLIBS.
ORACLE_SRC := $(sort $(wildcard sim/oracle/*.c))
ORACLE_LIBS := oracle uboot-process $(SUBJECT_LIBS)
ORACLE_LDLIBS := $(SUBJECT_LDLIBS) -lz
$(call library,uboot-process,sim/uboot/uboot-process.c,$(SIM_INCLUDES))
$(call library,oracle,$(ORACLE_SRC),$(SIM_INCLUDES))
# core only writes the records that the oracles read here.
$(call test,oracle,sim/oracle/test/oracle-test.c,$(ORACLE_LIBS) ota,$(CORE_LDLIBS) $(ORACLE_LDLIBS),$(SIM_INCLUDES))
$(call test,subject,sim/test/subject-test.c,$(ORACLE_LIBS),$(ORACLE_LDLIBS),$(SIM_INCLUDES))
