# SPDX-License-Identifier: Apache-2.0
# The bundle: reasons and steps, keyring, manifest, head, chunks; and certificates made for tests.

# Without it the linker drops the tests themselves: criterion finds them by section, from a shared library.
BUNDLE_TEST_LDLIBS := -Wl,--no-gc-sections $(CORE_LDLIBS)
BUNDLE_INCLUDES := $(CORE_INCLUDES)

# libtestpki: any test or simulated device that needs a signer links it.
$(call library,testpki,core/test/test-pki.c core/test/bundle-make.c,$(BUNDLE_INCLUDES))

$(call test,reason,core/test/reason-test.c,ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,bundle,core/test/bundle/bundle-test.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,bundle-write,core/test/bundle/bundle-write-test.c,testhelpers ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,keyring,core/test/bundle/keyring-test.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,manifest,core/test/bundle/manifest-test.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,signature,core/test/bundle/signature-test.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))

$(call fuzzer,bundle,core/fuzz/bundle-fuzz.c,ota testpki ota,$(CORE_LDLIBS),$(BUNDLE_INCLUDES),core/fuzz/corpus/bundle)
$(call fuzzer,manifest,core/fuzz/manifest-fuzz.c,ota,$(CORE_LDLIBS),$(BUNDLE_INCLUDES),core/fuzz/corpus/manifest)
$(call test,bundle-memory,core/test/bundle/bundle-memory-test.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
