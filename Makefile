# SPDX-License-Identifier: Apache-2.0
# One Makefile; each folder says in its own .mk what it holds. Outputs in build/$(VARIANT)/.
#
#   VARIANT=release   -O2, what is installed and measured (default)
#   VARIANT=san       AddressSanitizer and UBSan, aborting on the first finding
#   VARIANT=cov       gcov
#   VARIANT=fuzz      clang, libFuzzer
#   MUTANT=name       one planted defect of scenarios/defects, in build/mutant-name/
#   CROSS=arm64       for an emulated board (or x86_64), in build/arm64-$(VARIANT)/; see images/qemu-images.mk

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
.DEFAULT_GOAL := all

VARIANT ?= release
MUTANT ?=
ifneq ($(MUTANT),)
override VARIANT := mutant-$(MUTANT)
endif
CROSS ?=
B := build/$(if $(CROSS),$(CROSS)-)$(VARIANT)
SHARED ?= ../shared

ifeq ($(VARIANT),fuzz)
CC = clang
endif
ifeq ($(origin CC),default)
CC = gcc
endif
# Debian's packages for that architecture, unpacked by images/qemu/board-packages.sh.
CROSS_TOOLS_arm64 := aarch64-linux-gnu
CROSS_TOOLS_x86_64 := x86_64-linux-gnu
ifneq ($(CROSS),)
SYSROOT := $(CURDIR)/build/qemu$(patsubst %,-%,$(filter-out arm64,$(CROSS)))/sysroot
CROSS_TOOLS := $(or $(CROSS_TOOLS_$(CROSS)),$(error CROSS=$(CROSS): there is arm64 and x86_64))
CC := $(CROSS_TOOLS)-gcc
AR := $(CROSS_TOOLS)-ar
CFLAGS ?= -O2 -g
override CFLAGS += -isystem $(SYSROOT)/usr/include -isystem $(SYSROOT)/usr/include/$(CROSS_TOOLS)
override LDFLAGS += -L$(SYSROOT)/usr/lib/$(CROSS_TOOLS) -Wl,-rpath-link,$(SYSROOT)/usr/lib/$(CROSS_TOOLS):$(SYSROOT)/lib/$(CROSS_TOOLS)
endif
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
	-Wwrite-strings -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
CFLAGS ?= -O2 -g
FLAGS_release :=
FLAGS_san := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_cov := --coverage -O0
FLAGS_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OTA_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 $(WARNINGS) \
	$(if $(CI),-Werror) -fstack-protector-strong -ffunction-sections -fdata-sections -MMD -MP $(FLAGS_$(VARIANT)) $(CFLAGS)
OTA_LDFLAGS = -Wl,--gc-sections -Wl,--as-needed -Wl,-z,relro,-z,now $(FLAGS_$(VARIANT)) $(LDFLAGS)

# Where the sources of a folder lie: a mutant patches a copy.
SRC := .
ifneq ($(MUTANT),)
SRC := build/$(VARIANT)/src
endif

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

PROGRAMS :=
TESTS :=
FUZZERS :=
OBJECTS :=

objects = $(patsubst %.c,$(B)/%.o,$(1))

# $(call library,NAME,SOURCES,INCLUDES): $(B)/libNAME.a
define library_rule
$(B)/lib$(1).a: $(call objects,$(2))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $$^
$(call objects,$(2)): INCLUDES += $(3)
OBJECTS += $(call objects,$(2))
endef
library = $(eval $(call library_rule,$(1),$(2),$(3)))

# $(call program,NAME,SOURCES,LIBS,LDLIBS,INCLUDES): $(B)/NAME
define program_rule
$(B)/$(1): $(call objects,$(2)) $(3:%=$(B)/lib%.a)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(OTA_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(3:%=$(B)/lib%.a) $(4)
$(call objects,$(2)): INCLUDES += $(5)
OBJECTS += $(call objects,$(2))
PROGRAMS += $(B)/$(1)
endef
program = $(eval $(call program_rule,$(1),$(2),$(3),$(4),$(5)))

# $(call test,NAME,SOURCES,LIBS,LDLIBS,INCLUDES): a criterion program, $(B)/test/NAME. criterion finds its tests in a
# section of their own, which the linker must not collect.
define test_rule
$(B)/test/$(1): $(call objects,$(2)) $(3:%=$(B)/lib%.a)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(OTA_LDFLAGS) -Wl,--no-gc-sections -o $$@ $$(filter %.o,$$^) $(3:%=$(B)/lib%.a) $(4) -lcriterion
$(call objects,$(2)): INCLUDES += $(5)
OBJECTS += $(call objects,$(2))
TESTS += $(B)/test/$(1)
endef
test = $(eval $(call test_rule,$(1),$(2),$(3),$(4),$(5)))

# $(call fuzzer,NAME,SOURCE,LIBS,LDLIBS,INCLUDES,CORPUS): $(B)/fuzz/NAME with libFuzzer (VARIANT=fuzz), and
# $(B)/test/fuzz-NAME, which replays CORPUS (a directory) in the ordinary test run.
define fuzzer_rule
$(B)/fuzz/$(1): $(call objects,$(2)) $(3:%=$(B)/lib%.a)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(OTA_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $(3:%=$(B)/lib%.a) $(4)
$(B)/test/fuzz-$(1): $(call objects,$(2) ci/fuzz-replay.c) $(3:%=$(B)/lib%.a)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(OTA_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(3:%=$(B)/lib%.a) $(4)
$(call objects,$(2)): INCLUDES += $(5)
OBJECTS += $(call objects,$(2) ci/fuzz-replay.c)
FUZZERS += $(B)/fuzz/$(1)
FUZZ_MAPS += $(B)/fuzz/$(1):$(6)
FUZZ_REPLAYS += $(B)/test/fuzz-$(1):$(6)
endef
fuzzer = $(eval $(call fuzzer_rule,$(1),$(2),$(3),$(4),$(5),$(6)))

include core/core.mk power-cut/power-cut.mk sim/sim.mk scenarios/scenarios.mk images/images.mk hil/hil.mk ci/ci.mk

$(sort $(OBJECTS)): $(B)/%.o: $(SRC)/%.c | $(SETUP_BUILD)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(OTA_CFLAGS) $(INCLUDES) -c -o $@ $<
-include $(patsubst %.o,%.d,$(sort $(OBJECTS)))

.PHONY: all clean help
all: $(PROGRAMS) ## build the programs
clean: ## remove everything that was built
	rm -rf build
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 16
