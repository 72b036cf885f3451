# SPDX-License-Identifier: Apache-2.0
# The boot environment: codec, back-ends, configuration.

$(call test,env,core/test/boot/env-test.c,ota,,$(CORE_INCLUDES))
$(call test,env-config,core/test/boot/fw-env-config-test.c,ota,,$(CORE_INCLUDES))
$(call test,env-interop,core/test/boot/env-interop-test.c core/test/boot/env-random.c,testhelpers ota,,$(CORE_INCLUDES))
$(call test,uboot,core/test/boot/uboot-test.c,ota,,$(CORE_INCLUDES))
$(call test,uboot-script,core/test/boot/uboot-script-test.c,testhelpers ota,,$(CORE_INCLUDES))
$(call test,custom,core/test/boot/custom-test.c,testhelpers ota,,$(CORE_INCLUDES))
$(call fuzzer,env,core/fuzz/env-fuzz.c,ota,,$(CORE_INCLUDES),core/fuzz/corpus/env)
