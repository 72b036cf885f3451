# SPDX-License-Identifier: Apache-2.0
# The boot environment: codec, back-ends, configuration.

$(call test,env,core/test/env-test.c,ota,,$(CORE_INCLUDES))
$(call test,env-config,core/test/fw-env-config-test.c,ota,,$(CORE_INCLUDES))
$(call test,env-interop,core/test/env-interop-test.c core/test/env-random.c,testhelpers ota,,$(CORE_INCLUDES))
$(call test,uboot,core/test/uboot-test.c,ota,,$(CORE_INCLUDES))
$(call test,uboot-script,core/test/uboot-script-test.c,testhelpers ota,,$(CORE_INCLUDES))
$(call test,custom,core/test/custom-test.c,testhelpers ota,,$(CORE_INCLUDES))
$(call fuzzer,env,core/fuzz/env-fuzz.c,ota,,$(CORE_INCLUDES),core/fuzz/corpus/env)
