# SPDX-License-Identifier: Apache-2.0
# Setting up a machine, running tests and checks, turning results into reports.

CI_INCLUDES := -I$(SRC)/ci
$(call program,brickproof-report,ci/report/main.c ci/report/results.c ci/report/junit.c ci/report/html.c ci/report/template.c,,\
	-ljansson -lxml2,-I$(SRC)/ci/report -I/usr/include/libxml2 -DREPORT_HTML=\"ci/report/report.html\")
$(B)/ci/report/template.o: ci/report/report.html

$(call test,report-results,ci/test/report.c ci/report/results.c ci/report/junit.c ci/report/html.c ci/report/template.c,,-ljansson -lxml2,\
	-I$(SRC)/ci/report -I/usr/include/libxml2)
$(call fuzzer,report,ci/fuzz/report.c ci/report/results.c ci/report/junit.c ci/report/html.c ci/report/template.c,,-ljansson -lxml2,\
	-I$(SRC)/ci/report -I/usr/include/libxml2,scenarios/fuzz/corpus/results)

SETUP_BUILD := build/setup-build.stamp
build/setup-%.stamp: ci/packages/%.txt
	@mkdir -p $(@D)
	ci/setup.sh $*
	@touch $@

.PHONY: setup setup-hil test run-tests check check-san check-cov check-clang check-tidy check-cppcheck check-format check-shell fuzz
setup: build/setup-build.stamp build/setup-test.stamp ## install what building and testing need
setup-hil: build/setup-hil.stamp ## install labgrid, for real boards and the board in a box

REPLAY_PROGRAMS := $(foreach r,$(FUZZ_REPLAYS),$(firstword $(subst :, ,$(r))))
test: build/setup-test.stamp $(PROGRAMS) $(TESTS) $(REPLAY_PROGRAMS) ## run every test; ends with "N passed, N failed, N skipped"
	@ci/run-tests.sh $(B)/test-logs $(TESTS) $(FUZZ_REPLAYS)

check: check-format check-shell check-clang check-tidy check-cppcheck ## static checks: format, shell, clang, clang-tidy, cppcheck
check-san: ## run every test under AddressSanitizer and UBSan
	$(MAKE) VARIANT=san test
check-cov: build/setup-check.stamp ## run the tests with coverage; prints line and branch coverage of core
	$(MAKE) VARIANT=cov test
	gcovr --root . --object-directory build/cov --filter core/src/ --filter core/linux/ --filter core/cmd/ --branches --print-summary -o build/cov/branches.txt
	gcovr --root . --object-directory build/cov --filter core/src/ --filter core/linux/ --filter core/cmd/

SOURCES_C := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
check-format: build/setup-check.stamp
	clang-format --dry-run -Werror $(SOURCES_C)
check-shell: build/setup-check.stamp
	shellcheck $(shell git ls-files '*.sh') .ci/run
check-clang: build/setup-check.stamp
	$(MAKE) VARIANT=clang CC=clang CI=1 all $(TESTS:$(B)/%=build/clang/%)
TIDY_SOURCES := $(filter-out ci/fuzz-replay.c sim/net/test/% images/corrupt/test/% power-cut/server/test/% \
	power-cut/server/fuzz/% power-cut/server/bench/% sim/qemu/test/% sim/qemu/fuzz/% sim/board/test/%,$(filter %.c,$(shell git ls-files core/src core/linux core/cmd power-cut/src power-cut/server sim/src sim/net sim/board sim/qemu sim/uboot images/corrupt scenarios/src ci/report 2>/dev/null)))
# The core has headers of the same names as other folders; nobody outside it sees its own.
TIDY_FLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -Icore/include
TIDY_CORE := $(TIDY_FLAGS) -Icore/src -Icore/linux -Icore/cmd -DOTA_VERSION=\"0\"
TIDY_REST := $(TIDY_FLAGS) -Ipower-cut/include -Ipower-cut/src -Ipower-cut/server -Isim/include -Isim/src -Isim/net -Isim/board -Isim/qemu -Isim/uboot \
	-Iscenarios/src -Iimages/corrupt -Ici/report -Icore/test -I/usr/include/libxml2 -DREPORT_HTML=\"ci/report/report.html\" \
	-DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\"
tidy = printf '%s\n' $(1) | xargs -P $$(nproc) -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- $(2)' tidy
check-tidy: build/setup-check.stamp
	$(call tidy,$(filter core/%,$(TIDY_SOURCES)),$(TIDY_CORE))
	$(call tidy,$(filter-out core/%,$(TIDY_SOURCES)),$(TIDY_REST))
check-cppcheck: build/setup-check.stamp
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j $$(nproc) \
	 --suppress=missingIncludeSystem -i sim/net/test -i sim/board/test -i sim/qemu/test -i images/corrupt/test $(CORE_INCLUDES) -Ipower-cut/include -Isim/include -Isim/net -Iimages/corrupt core/src core/linux core/cmd power-cut/src sim/src sim/net sim/board sim/qemu sim/uboot images/corrupt scenarios/src ci

FUZZ_SECONDS ?= 600
fuzz: build/setup-check.stamp ## run each fuzz target for FUZZ_SECONDS (600), two at a time
	$(MAKE) VARIANT=fuzz fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZERS)
	ci/run-fuzz.sh $(FUZZ_SECONDS) $(FUZZ_MAPS)

.PHONY: demo
demo: build/setup-demo.stamp images $(PROGRAMS) ## the main job on the example: a real update, the proof, three planted defects; says where the report lies
	+@ci/demo.sh $(B) $(I) build/demo

.PHONY: bench
bench: build/setup-test.stamp $(B)/power-cut/explore-bench $(RECOVER_BENCH) $(B)/ota $(INSTALL_BENCH) $(QEMU_BENCH) ## every benchmark; ends with a table of figures and goals
	@ci/bench.sh $(B) build/bench $(BENCH_ROUNDS)
