# SPDX-License-Identifier: Apache-2.0
# The failing network. A program that links libnetwork takes NETWORK_LIBS and NETWORK_LDLIBS, and needs the command and the zoo.
NETWORK_SRC := $(sort $(foreach room,network network/server network/relay,$(wildcard sim/$(room)/*.c)))
NETWORK_LIBS := network $(SUBJECT_LIBS) ota
NETWORK_LDLIBS := -lssl $(CORE_LDLIBS) -ljansson
$(call library,network,$(NETWORK_SRC),$(SIM_INCLUDES))

ZOO := build/zoo
$(ZOO)/made: images/zoo.sh images/pki.sh | $(SETUP_TEST)
	images/zoo.sh $(ZOO)
	touch $@

$(call test,net,sim/network/test/network-test.c,$(NETWORK_LIBS),$(NETWORK_LDLIBS),$(SIM_INCLUDES))
$(B)/test/net: | $(B)/ota $(ZOO)/made
$(call test,net-origin,sim/network/test/lying-origin-test.c,$(NETWORK_LIBS),$(NETWORK_LDLIBS),$(SIM_INCLUDES))
$(call test,net-relay,sim/network/test/relay-test.c,$(NETWORK_LIBS),$(NETWORK_LDLIBS),$(SIM_INCLUDES))
