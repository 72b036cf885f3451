# SPDX-License-Identifier: Apache-2.0
# The images that lie: corrupters, and the judge that runs the core against them in process.
CORRUPT_SRC := $(addprefix images/corrupt/,device.c layout.c lab.c plan.c judge.c number.c edit.c structure.c manifest.c signature.c signature_flip.c zoo.c world.c)
CORRUPT_INCLUDES := -I$(SRC)/images/corrupt -I$(SRC)/core/include -I$(SRC)/core/test -I$(SRC)/power-cut/include
CORRUPT_LIBS := corrupt testpki ota

$(call library,corrupt,$(CORRUPT_SRC),$(CORRUPT_INCLUDES))
$(call program,corrupt-run,images/corrupt/main.c images/corrupt/plain.c,$(CORRUPT_LIBS),$(CORE_LDLIBS),$(CORRUPT_INCLUDES))
TESTS += $(B)/corrupt-run
$(call test,corrupt,images/corrupt/test/corrupt.c,$(CORRUPT_LIBS),$(CORE_LDLIBS),$(CORRUPT_INCLUDES))
