# SPDX-License-Identifier: Apache-2.0
# The network that fails. A program that links libsimnet takes SIM_NET_LIBS and SIM_NET_LDLIBS, and needs the command and the zoo.
SIM_NET_SRC := $(sort $(wildcard sim/net/*.c))
SIM_NET_LIBS := simnet ota
SIM_NET_LDLIBS := -lssl $(CORE_LDLIBS)
SIM_NET_INCLUDES := $(SIM_INCLUDES) -I$(SRC)/sim/net
$(call library,simnet,$(SIM_NET_SRC),$(SIM_NET_INCLUDES))

ZOO := build/zoo
$(ZOO)/made: images/zoo.sh images/pki.sh | $(SETUP_TEST)
	images/zoo.sh $(ZOO)
	touch $@

$(call test,net,sim/net/test/net.c,$(SIM_NET_LIBS),$(SIM_NET_LDLIBS),$(SIM_NET_INCLUDES))
$(B)/test/net: | $(B)/ota $(ZOO)/made
$(call test,net-origin,sim/net/test/origin.c,$(SIM_NET_LIBS),$(SIM_NET_LDLIBS),$(SIM_NET_INCLUDES))
$(call test,net-relay,sim/net/test/relay.c,$(SIM_NET_LIBS),$(SIM_NET_LDLIBS),$(SIM_NET_INCLUDES))
