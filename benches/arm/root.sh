#!/usr/bin/env bash
# root.sh FOLDER VERSION: an arm64 Debian's Python with onnxruntime VERSION, unpacked into FOLDER for qemu-user. Nothing is
# configured and nothing of arm64 runs here, so that no root is needed.
set -euo pipefail
folder=$1 version=$2
for tool in apt-get dpkg-deb python3; do
    command -v "$tool" >/dev/null || { echo "root.sh: $tool is missing" >&2; exit 69; }
done
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT

# An apt of its own, for arm64, beside the host's; with the mirror of a host that is Debian too.
mirror=${GOLDCREST_DEBIAN_MIRROR:-}
if [ -z "$mirror" ] && grep -qs '^ID=debian$' /etc/os-release; then
    mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' |
        awk '!/security/ && !found { found = $0 } END { print found }')
fi
[ -n "$mirror" ] || { echo "root.sh: no Debian mirror is known here: set GOLDCREST_DEBIAN_MIRROR to one's URL" >&2; exit 78; }
mkdir -p "$work"/{lists/partial,archives/partial,wheels,root/proc,root/site}
: >"$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$work/sources.list"
apt=(apt-get -q -y -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Install-Recommends=false
    -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/archives"
    -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o APT::Sandbox::User="" -o Debug::NoLocking=1)
"${apt[@]}" update >&2
"${apt[@]}" install --download-only python3.11-minimal libpython3.11-stdlib libstdc++6 >&2
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
