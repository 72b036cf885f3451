# SPDX-License-Identifier: Apache-2.0
# Real boards through labgrid, and the board in a box. Python is Debian's own: another one does not see python3-labgrid.
$(B)/test/hil: hil/test.sh
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nOTA=%s exec hil/test.sh %s\n' $(B)/ota $(B) >$@ && chmod +x $@
$(B)/test/hil: | $(B)/ota $(B)/brickproof
TESTS += $(B)/test/hil

HIL_BOARDS ?= 2
HIL_SCENARIOS ?=
# A planted defect, and the cases that find it.
HIL_MUTANTS ?= no-flush-before-arm=cut:S11 downgrade-ok=check:downgrade bootcount-not-reset=check:update
.PHONY: hil hil-mutants bench-hil
hil: build/setup-hil.stamp build/setup-test.stamp qemu-images $(B)/brickproof $(B)/brickproof-report $(SERVER_PLUGIN) ## qualify the board in a box: HIL_BOARDS (2) of them, power cuts at every step, the checklist
	@hil/run.sh build/hil $(B) $(QD) $(HIL_BOARDS) $(HIL_SCENARIOS)
bench-hil: build/setup-hil.stamp ## from a mark on the console to the answer of the switched outlet, over 200 cuts
	hil/bench.py build/bench/hil 200
hil-mutants: build/setup-hil.stamp build/setup-test.stamp qemu-images $(B)/brickproof $(SERVER_PLUGIN) ## three planted defects on a board in a box: found, replayed, and the clean board passes
	@hil/mutant-images.sh $(foreach pair,$(HIL_MUTANTS),$(firstword $(subst =, ,$(pair))))
	@hil/mutants.sh build/hil-mutants $(B) $(QD) $(HIL_MUTANTS)
