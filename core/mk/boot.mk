# SPDX-License-Identifier: Apache-2.0
# The boot environment: codec, back-ends, configuration.
CORE_SRC += $(addprefix core/src/,env.c uboot.c custom.c fw_env_config.c)

$(call test,env,core/test/env.c,ota,,$(CORE_INCLUDES))
$(call test,env-config,core/test/env-config.c,ota,,$(CORE_INCLUDES))
$(call test,env-interop,core/test/env-interop.c core/test/env_random.c,ota,,$(CORE_INCLUDES) -I$(SRC)/core/test)
$(call test,uboot,core/test/uboot.c,ota,,$(CORE_INCLUDES))
$(call test,uboot-script,core/test/uboot-script.c,ota,,$(CORE_INCLUDES))
$(call test,custom,core/test/custom.c,ota,,$(CORE_INCLUDES))
$(call fuzzer,env,core/fuzz/env.c,ota,,$(CORE_INCLUDES),core/fuzz/corpus/env)
