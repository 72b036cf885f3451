# SPDX-License-Identifier: Apache-2.0
# U-Boot from Debian's source package: as a process (sandbox) and for QEMU's boards (qemu: arm64, qemu-x86_64). Cached in build/uboot.
U := build/uboot
UBOOT_INPUT := images/uboot/uboot-build.sh images/uboot/ota.env $(U)/source.stamp

.PHONY: uboot-sandbox uboot-qemu
uboot-sandbox: $(U)/diff/board.dtb ## build U-Boot as a process, with our boot script, and the disks it boots from
uboot-qemu: $(if $(filter x86_64,$(QEMU_ARCH)),$(U)/qemu-x86_64/u-boot.rom,$(U)/qemu/u-boot.bin) ## build U-Boot for QEMU's board, with our boot script (QEMU_ARCH=x86_64: for the PC)

$(U)/source.stamp: images/uboot/uboot-source.sh $(wildcard images/uboot/patches/*.patch) build/setup-uboot.stamp
	$(call say,FETCH,$(U)/source)
	$(Q)images/uboot/uboot-source.sh $(U)
	$(Q)touch $@
$(U)/sandbox/board.dtb: $(UBOOT_INPUT) images/uboot/sandbox.config images/uboot/sandbox.env images/uboot/sandbox.dts
	$(call say,UBOOT,$(@D))
	$(Q)images/uboot/uboot-build.sh sandbox $(U)
$(U)/qemu/u-boot.bin: $(UBOOT_INPUT) images/uboot/qemu.config images/uboot/qemu.env
	$(call say,UBOOT,$(@D))
	$(Q)images/uboot/uboot-build.sh qemu $(U)
$(U)/qemu-x86_64/u-boot.rom: $(UBOOT_INPUT) images/uboot/qemu-x86_64.config images/uboot/qemu-x86_64.env
	$(call say,UBOOT,$(@D))
	$(Q)images/uboot/uboot-build.sh qemu-x86_64 $(U)
$(U)/diff/board.dtb: images/uboot/uboot-disk.sh $(U)/sandbox/board.dtb
	$(call say,DISKS,$(@D))
	$(Q)images/uboot/uboot-disk.sh $(U)/sandbox/board.dtb $(U)/diff
