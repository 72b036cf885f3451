# SPDX-License-Identifier: Apache-2.0
# The bundle: reasons and steps, keyring, manifest, head, chunks; and certificates made for tests.
CORE_SRC += $(addprefix core/src/,reason.c step.c refuse.c signature_shape.c signature_chain.c keyring.c sign.c \
	manifest.c index.c head.c decoder.c bundle_packer.c bundle_write.c)

# Without it the linker drops the tests themselves: criterion finds them by section, from a shared library.
BUNDLE_TEST_LDLIBS := -Wl,--no-gc-sections $(CORE_LDLIBS)
BUNDLE_INCLUDES := $(CORE_INCLUDES) -I$(SRC)/core/test

# libtestpki: any test or simulated device that needs a signer links it.
$(call library,testpki,core/test/pki.c core/test/bundle_make.c,$(BUNDLE_INCLUDES))

$(call test,reason,core/test/reason.c,ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,bundle,core/test/bundle.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,bundle-write,core/test/bundle_write.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,keyring,core/test/keyring.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,manifest,core/test/manifest.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
$(call test,signature,core/test/signature.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))

$(call fuzzer,bundle,core/fuzz/bundle.c,ota testpki ota,$(CORE_LDLIBS),$(BUNDLE_INCLUDES),core/fuzz/corpus/bundle)
$(call fuzzer,manifest,core/fuzz/manifest.c,ota,$(CORE_LDLIBS),$(BUNDLE_INCLUDES),core/fuzz/corpus/manifest)
$(call test,bundle-memory,core/test/bundle_memory.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
