# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The arm64 parts of the emulated board, QEMU's `virt`. Sourced by the scripts that make its images, which say where each name is used.
arch_debian=arm64
arch_tools=aarch64-linux-gnu # prefix of the compiler's tools, and where Debian's libraries lie
arch_lib=lib # where programs look for their loader
arch_loader=ld-linux-aarch64.so.1
arch_compatible=yankproof-qemu
arch_tty=ttyAMA0
arch_uboot=qemu # images/uboot/NAME.env
arch_modules='virtio_mmio virtio_console virtio_blk crc32c_generic ext4 sdhci-pci virtio_net virtio-rng'

# board-args.sh. Buses are named: QEMU numbers them backwards.
arch_qemu=qemu-system-aarch64
arch_machine=(-M 'virt,dtb-randomness=off' -cpu cortex-a53)
arch_firmware=(-bios @IMAGES@/u-boot.bin -dtb @IMAGES@/board.dtb)
arch_virtio() { echo "virtio-$1-device,bus=virtio-mmio-bus.$2"; }

# board-fit.sh. Parts begin at whole 2 MiB of the file, after its header: where U-Boot loads the file (kernel_addr_r), an uncompressed kernel then
# lies where it may run, and is not copied. Beside kernel and initrd there is the device tree.
arch_compressions='none gzip lz4'
arch_part=fdt
arch_part_is='type = "flat_dt"; arch = "arm64";'
arch_split() { # VMLINUZ KERNEL PART OUT: what U-Boot is given
	cp "$1" "$2"
	cp "$4/board-plain.dtb" "$3"
}
arch_load() { # COMPRESSION INITRD-BYTES ALIGN: where the kernel shall lie
	local file=$((0x44000000))
	if [ "$1" = none ]; then echo $((file + 2 * $3 + ($2 + $3 - 1) / $3 * $3)); else echo $((0x40200000)); fi
}
arch_lies() { # COMPRESSION OFFSET ALIGN LOAD: does it?
	[ "$1" != none ] || [ $((0x44000000 + $3 + $2)) -eq "$4" ]
}
