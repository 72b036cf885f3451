# SPDX-License-Identifier: Apache-2.0
# Real boards through labgrid, and the board in a box. Python is Debian's own: another one does not see python3-labgrid.
$(B)/test/hil: hil/test.sh
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nOTA=%s exec hil/test.sh %s\n' $(B)/ota $(B) >$@ && chmod +x $@
$(B)/test/hil: | $(B)/ota
TESTS += $(B)/test/hil
