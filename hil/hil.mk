# SPDX-License-Identifier: Apache-2.0
# Real boards through labgrid, and the board in a box. Python is Debian's own: another one does not see python3-labgrid.
-include sim/boot-decide.mk
# Two programs, run at the same time because they mostly wait: the lab and its drills; the checklist and labgrid's places.
HIL_TESTS_hil := hil/test/test_agent.py hil/test/test_boot_decide.py hil/test/test_campaign.py hil/test/test_console.py
HIL_TESTS_hil-checks := hil/test/test_checks.py hil/test/test_outlet.py hil/test/test_place.py
HIL_TESTS := $(B)/test/hil $(B)/test/hil-checks
$(HIL_TESTS): hil/hil-test.sh hil/hil.mk
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nOTA=%s exec hil/hil-test.sh %s.xml %s\n' $(B)/ota $(B)/$(@F) '$(HIL_TESTS_$(@F))' >$@ && chmod +x $@
$(HIL_TESTS): | $(B)/ota $(B)/yankproof $(B)/boot-decide
TESTS += $(HIL_TESTS)

HIL_BOARDS ?= 2
HIL_SCENARIOS ?=
# A planted defect, and the cases that find it.
HIL_MUTANTS ?= no-flush-before-arm=cut:S11 downgrade-ok=check:downgrade bootcount-not-reset=check:update
.PHONY: hil hil-box hil-pytest hil-mutants bench-hil
HIL_BUILT := build/setup-hil.stamp build/setup-test.stamp qemu-images $(B)/ota $(SERVER_PLUGIN)
hil: $(HIL_BUILT) $(B)/yankproof $(B)/yankproof-report ## qualify boards in a box (HIL_BOARDS, 2): power cuts at every step, and the checklist
	@hil/hil-run.sh build/hil $(B) $(QD) $(HIL_BOARDS) $(HIL_SCENARIOS)
hil-box: $(HIL_BUILT) ## run one board in a box on 127.0.0.1 until Ctrl-C: console 4441, outlet 4442 (hil/env/box.yaml)
	@hil/box/box-start.sh build/hil-box 127.0.0.1 18970 $(SERVER_PLUGIN) $(QD)
hil-pytest: $(HIL_BUILT) $(B)/yankproof $(B)/boot-decide ## run the pytest suite on a board in a box (started if needed) and the lab's own tests; writes JUnit
	/usr/bin/python3 -m pytest -p no:cacheprovider --lg-env hil/env/box.yaml --junitxml=build/hil-pytest.xml hil/
bench-hil: build/setup-hil.stamp ## measure the time from a mark on the console to the outlet's answer, over 200 cuts
	hil/cut_bench.py build/bench/hil 200
hil-mutants: $(HIL_BUILT) $(B)/yankproof ## find and replay three planted defects on a board in a box; the clean board must pass
	@hil/mutant-images.sh $(foreach pair,$(HIL_MUTANTS),$(firstword $(subst =, ,$(pair))))
	@hil/hil-mutants.sh build/hil-mutants $(B) $(QD) $(HIL_MUTANTS)
