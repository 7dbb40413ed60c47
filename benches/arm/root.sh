#!/usr/bin/env bash
# root.sh FOLDER VERSION: an arm64 Debian's Python with onnxruntime VERSION, unpacked into FOLDER for qemu-user. Nothing is
# configured and nothing of arm64 runs here, so that no root is needed.
set -euo pipefail
folder=$1 version=$2
here=$(dirname "$(readlink -f "$0")")
command -v python3 >/dev/null || { echo "root.sh: python3 is missing" >&2; exit 69; }
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$here/../../scripts/arm64-packages" "$work/archives" python3.11-minimal libpython3.11-stdlib libstdc++6
mkdir -p "$work"/{wheels,root/proc,root/site}
for deb in "$work"/archives/*.deb; do
    dpkg-deb -x "$deb" "$work/root"
done

python3 -m pip download --quiet --dest "$work/wheels" --only-binary=:all: --python-version 3.11 --implementation cp \
    --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
    "onnxruntime==$version" numpy >&2
for wheel in "$work"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$work/root/site"
done
mv "$work/root" "$folder"
