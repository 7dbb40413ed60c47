#!/bin/bash
# Builds what the guest boots: Debian's arm64 kernel and one initramfs with busybox, v4l-utils, mosquitto and the
# vivid driver. Packages are unpacked, never configured, so that nothing of arm64 runs here and no root is needed.
# Prints the folder that holds `vmlinuz` and `root.cpio`. The folder's name is the hash of this recipe, so that a
# changed recipe makes a new image and an unchanged one costs nothing.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cache=${GOLDCREST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/goldcrest}/vm
fetch=$here/../../scripts/arm64-packages
image=$cache/$(cat "$here/image.sh" "$here/init" "$fetch" | sha256sum | cut -c1-16)
packages=(busybox-static v4l-utils mosquitto mosquitto-clients linux-image-arm64)

if [ -f "$image/root.cpio" ]; then
    echo "$image"
    exit
fi
for tool in cpio depmod modprobe; do
    command -v "$tool" >/dev/null || { echo "image.sh: $tool is missing; install cpio and kmod" >&2; exit 69; }
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

"$fetch" "$work/archives" "${packages[@]}"

root=$work/root
kernel=$work/kernel
mkdir -p "$kernel"
for deb in "$work"/archives/*.deb; do
    case $(basename "$deb") in
    linux-image-[0-9]*) dpkg-deb -x "$deb" "$kernel" ;;
    # What the packages want for being configured, and perl, which nothing here runs.
    systemd*|initramfs*|perl*|libperl*|dpkg*|apt*|libx11*|libgl*|mesa*|libllvm*|linux-base*|dracut*|klibc*) ;;
    *) dpkg-deb -x "$deb" "$root" ;;
    esac
done
version=$(basename "$kernel"/lib/modules/*)
depmod -b "$kernel" "$version"
modprobe -d "$kernel" -S "$version" --show-depends vivid | awk '/^insmod/ { print $2 }' | while read -r module; do
    install -D -m 644 "$module" "$root/lib/modules/$version/${module#*/modules/"$version"/}"
done
cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
depmod -b "$root" "$version"

rm -rf "$root"/usr/share/{doc,man,locale,info,lintian,i18n,common-licenses} "$root"/usr/lib/aarch64-linux-gnu/{gconv,dri}
mkdir -p "$root"/{proc,sys,dev,run,tmp,test} "$root"/etc
install -m 755 "$here/init" "$root/init"
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"

mkdir "$work/out"
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc -R 0:0 --quiet) >"$work/out/root.cpio"
cp "$kernel"/boot/vmlinuz-"$version" "$work/out/vmlinuz"
echo "$version" >"$work/out/kernel"
rm -rf "$image"
mv "$work/out" "$image"
echo "$image"
