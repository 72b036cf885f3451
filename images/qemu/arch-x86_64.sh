# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The x86_64 parts of the emulated board, QEMU's PC. See arch-arm64.sh for the names.
arch_debian=amd64
arch_tools=x86_64-linux-gnu
arch_lib=lib64
arch_loader=ld-linux-x86-64.so.2
arch_compatible=yankproof-qemu-x86_64
arch_tty=ttyS0
arch_uboot=qemu-x86_64
arch_modules='virtio_pci virtio_console virtio_blk crc32c_generic ext4 mmc_block sdhci-pci virtio_net virtio-rng'

# A processor that every host can emulate, and KVM can run on every host.
arch_qemu=qemu-system-x86_64
arch_machine=(-M pc -cpu qemu64)
arch_firmware=(-bios @IMAGES@/u-boot.bin)
arch_virtio() { echo "virtio-$1-pci$([ "$1" != net ] || echo ,romfile=)"; }

# The kernel as it is linked, for 64 bits: Debian's own compression takes it three times as long to start as lz4 takes U-Boot. It is
# loaded to where it was linked to, below the file (kernel_addr_r). Beside kernel and initrd there is the kernel's setup block.
arch_compressions='lz4 gzip'
arch_part=setup
arch_part_is='type = "x86_setup"; arch = "x86_64"; os = "linux"; load = <0x90000>; entry = <0x90000>;'
arch_word() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
arch_split() {
	local setup=$((($(arch_word "$1" $((0x1f1)) 1) + 1) * 512)) payload bytes
	payload=$(arch_word "$1" $((0x248)) 4) bytes=$(arch_word "$1" $((0x24c)) 4)
	head -c "$setup" "$1" >"$3"
	# Behind xz's own bytes stands the size of what they hold.
	head -c $((setup + payload + bytes - 4)) "$1" | tail -c $((bytes - 4)) | xz -dc >"$2.elf"
	x86_64-linux-gnu-objcopy -O binary -R .bss -R .brk -R .init.scratch "$2.elf" "$2"
}
arch_load() { echo $((0x1000000)); }
arch_lies() { :; }
