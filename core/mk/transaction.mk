# SPDX-License-Identifier: Apache-2.0
# The transaction: state record, slots, recovery, install, trial, reports.

# Without --no-gc-sections the linker drops the tests themselves: criterion finds them by section.
TRANSACTION_TEST_LDLIBS := -Wl,--no-gc-sections $(CORE_LDLIBS)
TRANSACTION_INCLUDES := $(CORE_INCLUDES)
# libtestfake: a device in memory.
$(call library,testfake,core/test/transaction/fake-device.c core/test/transaction/fake-parts.c,$(TRANSACTION_INCLUDES))
$(call test,transaction,core/test/transaction/transaction-test.c,testfake testhelpers testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,transaction-cuts,core/test/transaction/transaction-cuts-test.c,testfake testhelpers testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,recovery,core/test/transaction/recovery-test.c,ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,state-record,core/test/transaction/state-record-test.c,ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,outbox,core/test/transaction/outbox-test.c,ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call test,transaction-verbs,core/test/transaction/transaction-verbs-test.c,testfake testhelpers testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
$(call fuzzer,journal,core/fuzz/state-record-fuzz.c,ota,$(CORE_LDLIBS),$(TRANSACTION_INCLUDES),core/fuzz/corpus/journal)
$(call test,slot,core/test/transaction/slot-test.c,testfake testhelpers testpki ota,$(TRANSACTION_TEST_LDLIBS),$(TRANSACTION_INCLUDES))
