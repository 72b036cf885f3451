# SPDX-License-Identifier: Apache-2.0
# The example device's images: a bootable Debian root filesystem with kernel and initrd, two versions, signed bundles.
I := build/images

.PHONY: images images-boot
images: $(I)/update-2.0.ota $(I)/update-1.0.ota ## make the example's image set: two bootable versions and their signed bundles
images-boot: build/setup-boot.stamp $(I)/rootfs-2.0.ext4 $(I)/vmlinuz-2.0 ## boot the example's second version in QEMU until its init runs
	images/example-boot.sh $(I) 2.0

$(I)/root.tar: images/example-rootfs.sh images/packages.txt | build/setup-demo.stamp
	$(call say,IMAGE,$@)
	$(Q)images/example-rootfs.sh $(I)
$(I)/vmlinuz-1.0 $(I)/vmlinuz-2.0 $(I)/initrd-1.0.img $(I)/initrd-2.0.img &: images/example-kernel.sh images/example-initrd-init.sh $(I)/root.tar
	$(call say,IMAGE,$@)
	$(Q)images/example-kernel.sh $(I) 1.0 2.0
$(I)/rootfs-1.0.ext4: images/example-version.sh $(I)/root.tar $(B)/ota
	$(call say,IMAGE,$@)
	$(Q)images/example-version.sh $(I) 1.0 $(B)/ota
$(I)/rootfs-2.0.ext4: images/example-version.sh $(I)/rootfs-1.0.ext4 $(B)/ota
	$(call say,IMAGE,$@)
	$(Q)images/example-version.sh $(I) 2.0 $(B)/ota $(I)/rootfs-1.0.ext4
$(I)/pki/sign.pem: images/pki.sh | build/setup-demo.stamp
	$(call say,IMAGE,$@)
	$(Q)images/pki.sh $(I)/pki
$(I)/update-%.ota: $(I)/rootfs-%.ext4 $(I)/vmlinuz-% $(I)/initrd-%.img $(I)/pki/sign.pem $(B)/ota
	$(call say,BUNDLE,$@)
	$(Q)$(B)/ota bundle --certificate=$(I)/pki/sign.pem --key=$(I)/pki/sign.key --compatible=yankproof-example --version=$* --sequence=$(basename $*) \
	 --image=rootfs=$(I)/rootfs-$*.ext4 --image=kernel=$(I)/vmlinuz-$* --image=initrd=$(I)/initrd-$*.img $@ >/dev/null
-include images/corrupt-bundles.mk
-include images/uboot-build.mk
-include images/qemu-images.mk
