# SPDX-License-Identifier: Apache-2.0
# The transaction: state record, slots, recovery, install, trial, reports.
CORE_SRC += $(addprefix core/src/,hash.c state.c slot.c recovery.c transaction.c install.c install_slot.c trial.c rollback.c \
	policy.c outbox.c report.c status.c)
