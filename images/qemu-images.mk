# SPDX-License-Identifier: Apache-2.0
# The emulated board, in build/qemu: U-Boot, Debian's kernel, a small root filesystem with ota in it, bundles, media. With QEMU_ARCH=x86_64 the
# PC instead of the arm64 board, in build/qemu-x86_64. With MUTANT=name the same board with that ota, in build/qemu-mutant-name
# (build/qemu-x86_64-mutant-name); what is not ota's is shared.
QEMU_ARCH ?= arm64
$(if $(filter-out arm64 x86_64,$(QEMU_ARCH)),$(error QEMU_ARCH=$(QEMU_ARCH): there is arm64 and x86_64))
QEMU_TAIL := $(patsubst %,-%,$(filter-out arm64,$(QEMU_ARCH)))
QEMU := build/qemu$(QEMU_TAIL)
QD := $(QEMU)$(if $(MUTANT),-mutant-$(MUTANT))
QEMU_GOOD := 0.9 1.0 2.0
QEMU_BAD := panic hang no-kernel no-root health-fails health-hangs
QEMU_BUNDLES := $(patsubst %,$(QD)/update-%.ota,$(QEMU_GOOD) squashfs $(QEMU_BAD))
# none, gzip or lz4: how the kernel lies in the FIT image.
QEMU_COMPRESSION ?= $(if $(QEMU_TAIL),lz4,none)
# Of a slot; the last 512 KiB are the slot descriptor's. The root filesystem has 64.
QEMU_SLOT_MIB := 66
QEMU_SETUP := build/setup-qemu.stamp $(if $(QEMU_TAIL),build/setup-qemu$(QEMU_TAIL).stamp)
QEMU_SCRIPT = images/qemu/board-$(1).sh images/qemu/arch-$(QEMU_ARCH).sh
# The updater in it: a folder of images/subject, and a boot script of images/uboot.
SUBJECT ?= ota
QEMU_SUBJECT := $(sort $(wildcard images/subject/$(SUBJECT)/*))

# The updater for the board: this Makefile once more, with CROSS.
ifeq ($(CROSS),)
QEMU_OTA := build/$(QEMU_ARCH)-$(VARIANT)/ota
.PHONY: FORCE qemu-images qemu-boot
$(QEMU_OTA): FORCE | $(QEMU)/packages.stamp
	$(Q)$(MAKE) --no-print-directory CROSS=$(QEMU_ARCH) MUTANT=$(MUTANT) CC=$(CROSS_TOOLS_$(QEMU_ARCH))-gcc $@
build/release/ota: $(if $(filter release,$(VARIANT)),,FORCE)
ifneq ($(VARIANT),release)
	$(Q)$(MAKE) --no-print-directory VARIANT=release MUTANT= $@
endif
endif

qemu-images: $(QD)/card.img $(QEMU_BUNDLES) ## make the emulated board: bootloader, kernel, two versions, bad ones, media (QEMU_ARCH=x86_64; MUTANT=name: with that ota)
qemu-boot: qemu-images ## boot the emulated board and run one whole update over HTTPS, with times (QEMU_ARCH=x86_64)
	images/qemu/board-boot.sh $(QD) build/qemu-boot$(QEMU_TAIL)

$(QEMU)/packages.stamp: $(call QEMU_SCRIPT,packages) images/qemu/packages.txt | $(QEMU_SETUP)
	$(call say,FETCH,$(QEMU)/sysroot)
	$(Q)images/qemu/board-packages.sh $(QEMU_ARCH) $(QEMU)
	$(Q)touch $@
# Anew for another accelerator too.
$(QEMU)/board.args: $(call QEMU_SCRIPT,args) $(if $(filter $(or $(QEMU_ACCEL),tcg),$(file <$(QEMU)/board.args)),,FORCE)
	@mkdir -p $(@D)
	$(Q)images/qemu/board-args.sh $(QEMU_ARCH) $(QEMU)
$(QEMU)/initrd: $(call QEMU_SCRIPT,initrd) images/qemu/board-initrd-init.sh images/qemu/board-channel.sh $(QEMU)/packages.stamp
	$(call say,IMAGE,$@)
	$(Q)images/qemu/board-initrd.sh $(QEMU_ARCH) $(QEMU)
$(QEMU)/fitImage $(QEMU)/board.dtb &: $(call QEMU_SCRIPT,fit) $(QEMU)/initrd $(QEMU)/board-plain.dtb
	$(call say,IMAGE,$@)
	$(Q)images/qemu/board-fit.sh $(QEMU_ARCH) $(QEMU) $(QEMU_COMPRESSION)
$(QEMU)/pki/sign.pem: images/pki.sh | $(QEMU_SETUP)
	$(Q)images/pki.sh $(QEMU)/pki updates.yankproof.test

# U-Boot, and its device tree before the key: QEMU's on arm64, which is dumped with U-Boot there; on the PC U-Boot's own, in its ROM.
ifeq ($(QEMU_ARCH),arm64)
$(QEMU)/u-boot.bin: $(U)/qemu/u-boot.bin
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(QEMU)/board-plain.dtb: images/qemu/dtb.sh $(QEMU)/board.args $(QEMU)/u-boot.bin | $(QEMU_SETUP)
	$(Q)images/qemu/dtb.sh $(QEMU)/board.args $(QEMU)/u-boot.bin $(QEMU)
else
$(QEMU)/board-plain.dtb: $(U)/qemu-x86_64/u-boot.rom
	@mkdir -p $(@D)
	$(Q)cp $(<D)/u-boot.dtb.out $@
$(QEMU)/u-boot.bin: images/qemu/rom.sh $(QEMU)/board.dtb
	$(Q)images/qemu/rom.sh $(U)/qemu-x86_64 $(QEMU)
endif

$(QD)/rootfs.ext4: $(call QEMU_SCRIPT,tree) $(addprefix images/qemu/,$(addprefix board-,config.sh rootfs.sh init.sh verbs.sh channel.sh)) $(QEMU_SUBJECT) $(QEMU)/fitImage $(QEMU)/pki/sign.pem $(QEMU_OTA)
	$(call say,IMAGE,$@)
	$(Q)images/qemu/board-tree.sh $(QEMU_ARCH) $(QEMU) $(QEMU_OTA) $(QD)
	$(Q)images/qemu/board-rootfs.sh $(QEMU) $(QD)
$(QEMU_GOOD:%=$(QD)/rootfs-%.img): $(QD)/rootfs-%.img: images/qemu/board-variant.sh $(QD)/rootfs.ext4
	$(Q)images/qemu/board-variant.sh $(QD)/rootfs.ext4 $* good $@
$(QEMU_BAD:%=$(QD)/rootfs-%.img): $(QD)/rootfs-%.img: images/qemu/board-variant.sh $(QD)/rootfs.ext4
	$(Q)images/qemu/board-variant.sh $(QD)/rootfs.ext4 2.0-$* $* $@
$(QD)/rootfs-squashfs.img: images/qemu/squashfs.sh $(QD)/rootfs.ext4
	$(Q)images/qemu/squashfs.sh $(QD)/tree 2.0-squashfs $@
$(QEMU_BUNDLES): $(QD)/update-%.ota: $(call QEMU_SCRIPT,bundle) $(QD)/rootfs-%.img $(QEMU)/pki/sign.pem build/release/ota
	$(call say,BUNDLE,$@)
	$(Q)images/qemu/board-bundle.sh $(QEMU_ARCH) build/release/ota $(QEMU)/pki $* $(QD)/rootfs-$*.img $@
$(QD)/card.img: $(call QEMU_SCRIPT,factory) images/qemu/board-disks.sh images/uboot/$(SUBJECT).env images/uboot/qemu$(QEMU_TAIL).env $(QD)/update-0.9.ota $(QD)/update-1.0.ota build/release/ota $(QEMU)/u-boot.bin | $(QEMU)/board.args
	$(call say,DISKS,$(QD))
	$(Q)images/qemu/board-factory.sh $(QEMU_ARCH) $(QEMU)/pki build/release/ota $(QEMU_SLOT_MIB) $(QD)
	$(Q)images/qemu/board-disks.sh $(QEMU_SLOT_MIB) $(QD)
	$(Q)cp $(QEMU)/pki/tls-root.pem $(QEMU)/pki/tls.pem $(QEMU)/pki/tls.key $(if $(MUTANT),$(addprefix $(QEMU)/,u-boot.bin board.dtb board.args board.program)) $(QD)
