# SPDX-License-Identifier: Apache-2.0
# Stored heads.
$(call test,head,core/test/bundle/head-test.c,ota testpki ota,$(BUNDLE_TEST_LDLIBS),$(BUNDLE_INCLUDES))
