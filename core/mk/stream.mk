# SPDX-License-Identifier: Apache-2.0
# Fetch, verify, decode, write; libcurl and files.

STREAM_TEST_LDLIBS := -Wl,--no-gc-sections -lssl -lcurl -lcrypto -lzstd -lpthread
STREAM_INCLUDES := $(CORE_INCLUDES)

# A scripted HTTP server for tests.
$(call library,origin,core/test/fetch/test-origin.c,$(STREAM_INCLUDES))

$(call test,fetch,core/test/fetch/fetch-test.c core/test/fetch/fetch-seen.c,testhelpers origin testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call test,fetch-time,core/test/fetch/fetch-time-test.c core/test/fetch/fetch-seen.c,testhelpers origin testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call test,fetch-post,core/test/fetch/fetch-post-test.c,origin testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call test,stream,core/test/stream/stream-test.c core/test/stream/stream-lab.c,testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call test,stream-reuse,core/test/stream/stream-reuse-test.c core/test/stream/stream-lab.c,testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call test,stream-retry,core/test/stream/stream-retry-test.c core/test/stream/stream-lab.c,testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call fuzzer,http-answer,core/fuzz/http-answer-fuzz.c,ota,-lcurl,$(STREAM_INCLUDES),core/fuzz/corpus/http-answer)
$(call test,plan,core/test/stream/fetch-plan-test.c,ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))
$(call test,source,core/test/stream/source-test.c core/test/stream/stream-lab.c,testhelpers testpki ota,$(STREAM_TEST_LDLIBS),$(STREAM_INCLUDES))

# Not a program that is installed: no part of `all`.
INSTALL_BENCH := $(B)/bench/install-bench
OBJECTS += $(call objects,core/bench/install-bench.c)
$(INSTALL_BENCH): $(call objects,core/bench/install-bench.c)
	@mkdir -p $(@D)
	$(CC) $(OTA_LDFLAGS) -o $@ $^
BENCH_ROUNDS ?= 5
.PHONY: bench-install
bench-install: build/setup-test.stamp $(B)/ota $(INSTALL_BENCH) ## installs of 256 MiB against dd + fsync + sha256sum; bytes fetched for 1 % changed and after a kill
	core/bench/install-bench.sh build/bench $(B)/ota $(INSTALL_BENCH) $(BENCH_ROUNDS)
