# SPDX-License-Identifier: Apache-2.0
# Setting up a machine, running tests and checks, turning results into reports.

CI_INCLUDES := -I$(SRC)/ci
$(call program,yankproof-report,ci/report/report-main.c ci/report/report-results.c ci/report/report-junit.c ci/report/report-html.c ci/report/report-template.c,,\
	-ljansson -lxml2,-I$(SRC)/ci -I/usr/include/libxml2 -DREPORT_HTML=\"ci/report/report.html\")
$(B)/ci/report/report-template.o: ci/report/report.html

$(call test,report-results,ci/test/report-test.c ci/report/report-results.c ci/report/report-junit.c ci/report/report-html.c ci/report/report-template.c,,-ljansson -lxml2,\
	-I$(SRC)/ci -I/usr/include/libxml2)
$(call fuzzer,report,ci/fuzz/report-fuzz.c ci/report/report-results.c ci/report/report-junit.c ci/report/report-html.c ci/report/report-template.c,,-ljansson -lxml2,\
	-I$(SRC)/ci -I/usr/include/libxml2,scenarios/fuzz/corpus/results)

# The tables of the code and the words of scenarios/README.md are the same.
$(B)/test/words: ci/test/words-test.sh | $(B)/yankproof
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec ci/test/words-test.sh %s\n' $(B) >$@ && chmod +x $@
TESTS += $(B)/test/words

SETUP_BUILD := build/setup-build.stamp
build/setup-%.stamp: ci/packages/%.txt
	@mkdir -p $(@D)
	ci/setup-packages.sh $*
	@touch $@

.PHONY: setup setup-hil test run-tests check check-san check-cov check-clang check-tidy check-cppcheck check-format check-shell fuzz
SETUP_TESTS := build/setup-test.stamp build/setup-hil.stamp
setup: build/setup-build.stamp $(SETUP_TESTS) ## install the packages for building and testing
setup-hil: build/setup-hil.stamp ## install labgrid, for real boards and the board in a box

REPLAY_PROGRAMS := $(foreach r,$(FUZZ_REPLAYS),$(firstword $(subst :, ,$(r))))
test: $(SETUP_TESTS) $(PROGRAMS) $(TESTS) $(REPLAY_PROGRAMS) ## run every test; ends with "N passed, N failed, N skipped"
	@ci/run-tests.sh $(B)/test-logs $(TESTS) $(FUZZ_REPLAYS)

check: check-format check-shell check-clang check-tidy check-cppcheck ## static checks: format, shell, clang, clang-tidy, cppcheck
check-san: ## run every test under AddressSanitizer and UBSan
	$(MAKE) VARIANT=san test
check-cov: build/setup-check.stamp ## run the tests with coverage; prints line and branch coverage of core
	$(MAKE) VARIANT=cov test
	gcovr --root . --object-directory build/cov $(addprefix --filter core/,$(addsuffix /,$(CORE_ROOMS) linux cmd)) --branches --print-summary -o build/cov/branches.txt
	gcovr --root . --object-directory build/cov $(addprefix --filter core/,$(addsuffix /,$(CORE_ROOMS) linux cmd))

SOURCES_C := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
check-format: build/setup-check.stamp
	clang-format --dry-run -Werror $(SOURCES_C)
check-shell: build/setup-check.stamp
	shellcheck $(shell git ls-files '*.sh') .ci/run
check-clang: build/setup-check.stamp
	$(MAKE) VARIANT=clang CC=clang CI=1 all $(TESTS:$(B)/%=build/clang/%)
# Product code, not tests, fuzz targets and benchmarks.
TIDY_FOLDERS := $(addprefix core/,$(CORE_ROOMS) linux cmd) power-cut sim images/corrupt scenarios ci/report
TIDY_SOURCES := $(foreach file,$(filter %.c,$(shell git ls-files $(TIDY_FOLDERS) 2>/dev/null)),$(if $(findstring /test/,$(file))$(findstring /fuzz/,$(file))$(findstring /bench/,$(file)),,$(file)))
TIDY_FLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 $(CORE_INCLUDES) -DOTA_VERSION=\"0\"
TIDY_REST := $(TIDY_FLAGS) $(SCENARIOS_INCLUDES) $(FUSE_CFLAGS) -Ici -I/usr/include/libxml2 -DREPORT_HTML=\"ci/report/report.html\" \
	-DQEMU_PLUGIN=\"$(SERVER_PLUGIN)\"
tidy = printf '%s\n' $(1) | xargs -P $$(nproc) -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- $(2)' tidy
check-tidy: build/setup-check.stamp
	$(call tidy,$(filter core/%,$(TIDY_SOURCES)),$(TIDY_FLAGS))
	$(call tidy,$(filter-out core/%,$(TIDY_SOURCES)),$(TIDY_REST))
check-cppcheck: build/setup-check.stamp
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j $$(nproc) \
	 --suppress=missingIncludeSystem $(SCENARIOS_INCLUDES) $(CORE_INCLUDES) -Ici $(TIDY_SOURCES)

FUZZ_SECONDS ?= 600
fuzz: build/setup-check.stamp ## run each fuzz target for FUZZ_SECONDS (600), two at a time
	$(MAKE) VARIANT=fuzz fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZERS)
	ci/run-fuzz.sh $(FUZZ_SECONDS) $(FUZZ_MAPS)

.PHONY: demo
demo: build/setup-demo.stamp images $(PROGRAMS) ## demonstration: a real update, the proof, three planted defects; prints the path of the report
	+@ci/demo.sh $(B) $(I) build/demo

.PHONY: bench
bench: build/setup-test.stamp $(B)/power-cut/explore-bench $(RECOVER_BENCH) $(B)/ota $(INSTALL_BENCH) $(QEMU_BENCH) ## run every benchmark; ends with a table of figures and goals
	@ci/bench-all.sh $(B) build/bench $(BENCH_ROUNDS)
