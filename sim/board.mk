# SPDX-License-Identifier: Apache-2.0
# The oracles of the emulated board: what its media say. A program that links libboard takes SIM_BOARD_LIBS and SIM_BOARD_LDLIBS.
SIM_BOARD_SRC := $(addprefix sim/board/,board.c canon.c judge.c ext4.c real.c)
SIM_BOARD_LIBS := board uboot-process $(SIM_LIBS)
SIM_BOARD_LDLIBS := -lz
SIM_BOARD_INCLUDES := $(SIM_TEST_INCLUDES) -I$(SRC)/sim/uboot
$(call library,uboot-process,sim/uboot/board.c sim/uboot/case.c,$(SIM_BOARD_INCLUDES))
$(call library,board,$(SIM_BOARD_SRC),$(SIM_BOARD_INCLUDES) -I$(SRC)/sim/board)
$(call test,board,sim/board/test/board.c,$(SIM_BOARD_LIBS),$(SIM_LDLIBS) $(SIM_BOARD_LDLIBS),$(SIM_BOARD_INCLUDES))
