# SPDX-License-Identifier: Apache-2.0
# The emulated arm64 board, in build/qemu: U-Boot, Debian's kernel, a small root filesystem with ota in it, bundles, media. With MUTANT=name the
# same board with that ota, in build/qemu-mutant-name; what is not ota's is shared.
QEMU := build/qemu
QD := $(QEMU)$(if $(MUTANT),-mutant-$(MUTANT))
QEMU_GOOD := 0.9 1.0 2.0
QEMU_BAD := panic hang no-kernel no-root health-fails health-hangs
QEMU_BUNDLES := $(patsubst %,$(QD)/update-%.ota,$(QEMU_GOOD) squashfs $(QEMU_BAD))
# none, gzip or lz4: how the kernel lies in the FIT image.
QEMU_COMPRESSION ?= none
# Of a slot; the last 512 KiB are the slot descriptor's. The root filesystem has 64.
QEMU_SLOT_MIB := 66

# The updater for the board: this Makefile once more, with CROSS=arm64.
ifeq ($(CROSS),)
OTA_ARM64 := build/arm64-$(VARIANT)/ota
.PHONY: FORCE qemu-images qemu-boot
$(OTA_ARM64): FORCE | $(QEMU)/packages.stamp
	$(Q)$(MAKE) --no-print-directory CROSS=arm64 MUTANT=$(MUTANT) $@
build/release/ota: $(if $(filter release,$(VARIANT)),,FORCE)
ifneq ($(VARIANT),release)
	$(Q)$(MAKE) --no-print-directory VARIANT=release MUTANT= $@
endif
endif

qemu-images: $(QD)/card.img $(QEMU_BUNDLES) ## make the emulated board: bootloader, kernel, two versions, bad ones, media (MUTANT=name: with that ota)
qemu-boot: qemu-images ## boot the emulated board and show one whole update over HTTPS, with times
	images/qemu/boot.sh $(QD) build/qemu-boot

$(QEMU)/packages.stamp: images/qemu/packages.sh images/qemu/packages.txt | build/setup-qemu.stamp
	$(call say,FETCH,$(QEMU)/sysroot)
	$(Q)images/qemu/packages.sh $(QEMU)
	$(Q)touch $@
$(QEMU)/u-boot.bin: $(U)/qemu/u-boot.bin
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(QEMU)/board.args: images/qemu/board.sh
	@mkdir -p $(@D)
	$(Q)images/qemu/board.sh >$@
$(QEMU)/board-plain.dtb: images/qemu/dtb.sh $(QEMU)/board.args $(QEMU)/u-boot.bin | build/setup-qemu.stamp
	$(Q)images/qemu/dtb.sh $(QEMU)/board.args $(QEMU)/u-boot.bin $(QEMU)
$(QEMU)/initrd: images/qemu/initrd.sh images/qemu/initrd-init.sh images/qemu/channel.sh $(QEMU)/packages.stamp
	$(call say,IMAGE,$@)
	$(Q)images/qemu/initrd.sh $(QEMU)
$(QEMU)/fitImage $(QEMU)/board.dtb &: images/qemu/fit.sh $(QEMU)/initrd $(QEMU)/board-plain.dtb
	$(call say,IMAGE,$@)
	$(Q)images/qemu/fit.sh $(QEMU) $(QEMU_COMPRESSION)
$(QEMU)/pki/sign.pem: images/pki.sh | build/setup-qemu.stamp
	$(Q)images/pki.sh $(QEMU)/pki updates.brickproof.test

$(QD)/rootfs.ext4: images/qemu/tree.sh images/qemu/rootfs.sh $(addprefix images/qemu/,init.sh verbs.sh channel.sh health.sh system.conf) $(QEMU)/fitImage $(QEMU)/pki/sign.pem $(OTA_ARM64)
	$(call say,IMAGE,$@)
	$(Q)images/qemu/tree.sh $(QEMU) $(OTA_ARM64) $(QD)
	$(Q)images/qemu/rootfs.sh $(QEMU) $(QD)
$(QEMU_GOOD:%=$(QD)/rootfs-%.img): $(QD)/rootfs-%.img: images/qemu/variant.sh $(QD)/rootfs.ext4
	$(Q)images/qemu/variant.sh $(QD)/rootfs.ext4 $* good $@
$(QEMU_BAD:%=$(QD)/rootfs-%.img): $(QD)/rootfs-%.img: images/qemu/variant.sh $(QD)/rootfs.ext4
	$(Q)images/qemu/variant.sh $(QD)/rootfs.ext4 2.0-$* $* $@
$(QD)/rootfs-squashfs.img: images/qemu/squashfs.sh $(QD)/rootfs.ext4
	$(Q)images/qemu/squashfs.sh $(QD)/tree 2.0-squashfs $@
$(QEMU_BUNDLES): $(QD)/update-%.ota: images/qemu/bundle.sh $(QD)/rootfs-%.img $(QEMU)/pki/sign.pem build/release/ota
	$(call say,BUNDLE,$@)
	$(Q)images/qemu/bundle.sh build/release/ota $(QEMU)/pki $* $(QD)/rootfs-$*.img $@
$(QD)/card.img: $(addprefix images/qemu/,factory.sh disks.sh) images/uboot/ota.env images/uboot/qemu.env $(QD)/update-0.9.ota $(QD)/update-1.0.ota build/release/ota
	$(call say,DISKS,$(QD))
	$(Q)images/qemu/factory.sh $(QEMU)/pki build/release/ota $(QEMU_SLOT_MIB) $(QD)
	$(Q)images/qemu/disks.sh $(QEMU_SLOT_MIB) $(QD)
	$(Q)cp $(QEMU)/pki/tls-root.pem $(QEMU)/pki/tls.pem $(QEMU)/pki/tls.key $(if $(MUTANT),$(addprefix $(QEMU)/,u-boot.bin board.dtb board.args)) $(QD)
