# SPDX-License-Identifier: Apache-2.0
# The transaction: state record, slots, recovery, install, trial, reports.
CORE_SRC += $(addprefix core/src/,hash.c state.c slot.c recovery.c transaction.c install.c install_slot.c trial.c rollback.c \
	policy.c outbox.c report.c status.c)

# Without --no-gc-sections the linker drops the tests themselves: criterion finds them by section.
TRANSACTION_TEST_LDLIBS := -Wl,--no-gc-sections $(CORE_LDLIBS)
TRANSACTION_INCLUDES := $(CORE_INCLUDES) -I$(SRC)/core/test
# libtestfake: a device in memory.
$(call library,testfake,core/test/fake.c core/test/fake_parts.c,$(TRANSACTION_INCLUDES))
$(call test,transaction,core/test/transaction.c,testfake testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,transaction-cuts,core/test/transaction_cuts.c,testfake testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,recovery,core/test/recovery.c,ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,state-record,core/test/state.c,ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,outbox,core/test/outbox.c,ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,transaction-verbs,core/test/transaction_verbs.c,testfake testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call fuzzer,journal,core/fuzz/journal.c,ota,$(CORE_LDLIBS),$(TRANSACTION_INCLUDES),core/fuzz/corpus/journal)
$(call test,slot,core/test/slot.c,testfake testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
