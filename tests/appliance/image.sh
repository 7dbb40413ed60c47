#!/bin/bash
# Builds what the appliance's guest boots: Debian 12 for arm64 with systemd, udev, mosquitto and the vivid driver, configured as
# an installation would. The packages are unpacked here and configured in the guest itself, so that nothing of arm64 runs on this machine.
# Prints the folder that holds `vmlinuz`, `initrd` and `disk.img`; its name is the hash of this recipe.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cache=${GOLDCREST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/goldcrest}/vm
fetch=$here/../../scripts/arm64-packages
image=$cache/$(cat "$here"/{image.sh,init,second-stage,appliance.service} "$fetch" | sha256sum | cut -c1-16)

if [ -f "$image/disk.img" ]; then
    echo "$image"
    exit
fi
[ "$(id -u)" = 0 ] || { echo "image.sh: this makes a root of Debian, for which it must be root" >&2; exit 77; }
for tool in cpio depmod modprobe debootstrap mke2fs ar unxz qemu-system-aarch64; do
    command -v "$tool" >/dev/null ||
        { echo "image.sh: $tool is missing; install cpio, kmod, debootstrap, e2fsprogs, binutils, xz-utils and qemu-system-arm" >&2; exit 69; }
done
begun=$SECONDS
mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
root=$work/root kernel=$work/kernel initrd=$work/initrd

"$fetch" "$work/archives" busybox-static linux-image-arm64
mirror=${GOLDCREST_DEBIAN_MIRROR:-$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' |
    awk '!/security/ && !found { found = $0 } END { print found }')}
debootstrap --foreign --arch=arm64 --variant=minbase \
    --include=systemd,systemd-sysv,udev,kmod,adduser,procps,iproute2,mosquitto,mosquitto-clients,v4l-utils \
    bookworm "$root" "$mirror" >"$work/debootstrap.log" || { tail -n 5 "$work/debootstrap.log" >&2; exit 69; }
# In a container debootstrap links /proc to itself.
rm -rf "$root/proc" && mkdir "$root/proc"
# dpkg of this machine unpacks the packages: it knows no preinst of another processor's, so these are taken out first. Without
# compression, for none is needed between the two.
for deb in "$root"/var/cache/apt/archives/*.deb; do
    rm -rf "$work/deb" && mkdir "$work/deb"
    dpkg-deb -e "$deb" "$work/deb/DEBIAN"
    rm -f "$work/deb/DEBIAN/preinst"
    (cd "$work/deb" && ar x "$deb" data.tar.xz && rm "$deb" && unxz data.tar.xz && tar -C DEBIAN --owner=0 --group=0 -cf control.tar . &&
        echo 2.0 >debian-binary && ar rcD "$deb" debian-binary control.tar data.tar)
done
# The kernel: its modules for the disk in the initrd, those for the camera in the root.
dpkg-deb -x "$work"/archives/linux-image-[0-9]*.deb "$kernel"
version=$(basename "$kernel"/lib/modules/*)
depmod -b "$kernel" "$version"
# modules TO MODULE...: copies modules with all that they need, and prints them in the order in which they are loaded.
modules() {
    local to=$1
    shift
    for module in "$@"; do
        modprobe -d "$kernel" -S "$version" --show-depends "$module" | awk '/^insmod/ { print $2 }'
    done | awk '!seen[$0]++' | while read -r file; do
        install -D -m 644 "$file" "$to/lib/modules/$version/${file#*/modules/"$version"/}"
        echo "/lib/modules/$version/${file#*/modules/"$version"/}"
    done
}
mkdir -p "$initrd"/{bin,dev,proc,sys,new}
modules "$initrd" virtio_pci virtio_blk ext4 >"$initrd/modules"
modules "$root" vivid >/dev/null
cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
depmod -b "$root" "$version"
dpkg-deb --fsys-tarfile "$work"/archives/busybox-static_*.deb | tar -xO --wildcards './*bin/busybox' >"$initrd/bin/busybox"
chmod 755 "$initrd/bin/busybox"
install -m 755 "$here/init" "$initrd/init"
(cd "$initrd" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc -R 0:0 --quiet) >"$work/initrd.cpio"

# The machine: a name, its disks, and the unit that runs the checks. Logs are in memory, as on a board that spares its card.
# dpkg needs no fsync of a disk that is thrown away.
mkdir -p "$root"/{test,etc/systemd/system/multi-user.target.wants,etc/dpkg/dpkg.cfg.d,etc/modprobe.d}
echo guest >"$root/etc/hostname"
printf '127.0.0.1 localhost guest\n::1 localhost\n' >"$root/etc/hosts"
echo 5f0c1d2e3b4a59687786a5b4c3d2e1f0 >"$root/etc/machine-id"
printf '/dev/vda / ext4 rw 0 0\ntmpfs /var/log tmpfs rw 0 0\n' >"$root/etc/fstab"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/appliance"
echo 'options vivid n_devs=1 node_types=0x1' >"$root/etc/modprobe.d/vivid.conf"
cp "$here/appliance.service" "$root/etc/systemd/system/"
ln -s ../appliance.service "$root/etc/systemd/system/multi-user.target.wants/appliance.service"
for unit in systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer getty@tty1.service serial-getty@ttyAMA0.service; do
    ln -s /dev/null "$root/etc/systemd/system/$unit"
done
(cd "$root" && rm -f var/lib/dpkg/status && : >var/lib/dpkg/status && dpkg --root="$root" --force-architecture --force-depends \
    --force-unsafe-io --no-triggers --unpack var/cache/apt/archives/*.deb >"$work/unpack.log" 2>&1) ||
    { tail -n 20 "$work/unpack.log" >&2; exit 70; }
rm -rf "$root"/var/cache/apt/archives/*.deb "$root/debootstrap"
install -m 755 "$here/second-stage" "$root/second-stage"

truncate -s 1500M "$work/disk.img"
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$work/disk.img"
rm -rf "$root"
cp "$kernel"/boot/vmlinuz-"$version" "$work/vmlinuz"
timeout 1800 qemu-system-aarch64 -M virt -accel tcg -cpu cortex-a72 -smp 1 -m 1024 -display none -serial stdio -monitor none \
    -no-reboot -nodefaults -nic none -kernel "$work/vmlinuz" -initrd "$work/initrd.cpio" \
    -append "console=ttyAMA0 panic=-1 quiet init=/second-stage" \
    -drive "file=$work/disk.img,format=raw,if=none,id=root,cache=unsafe" -device virtio-blk-pci,drive=root \
    </dev/null >"$work/second-stage.log" 2>&1 || true
if ! grep -q '^second-stage: exit 0' "$work/second-stage.log"; then
    tail -n 20 "$work/second-stage.log" >&2
    echo "image.sh: the packages could not be configured in the guest; see above" >&2
    exit 70
fi

mkdir "$work/out"
mv "$work/disk.img" "$work/vmlinuz" "$work/out"
mv "$work/initrd.cpio" "$work/out/initrd"
rm -rf "$image"
mv "$work/out" "$image"
echo "image.sh: built in $((SECONDS - begun)) s" >&2
echo "$image"
