"""The bill of materials of one target, in the format of CycloneDX: what cargo-cyclonedx finds, without what the program does
not link (macros, what only macros and build scripts use, features that are off), and with what it does not know of: the
standard library and the model. The same commit, toolchain and target give the same bytes.

Usage: packaging/sbom.py TARGET OUT.json          scripts/release calls this
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
target, out = sys.argv[1], Path(sys.argv[2])


def said(*command, **more):
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, **more).stdout


def listed():
    """What cargo-cyclonedx writes. It puts the file beside Cargo.toml."""
    name = f"sbom-{os.getpid()}"
    time = said("git", "log", "-1", "--format=%ct").strip()
    try:
        said("cargo", "cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--no-build-deps", "--target", target,
             "--override-filename", name, env={**os.environ, "SOURCE_DATE_EPOCH": time})
        return (root / f"{name}.json").read_text()
    finally:
        # It writes another one of the kernels alone, which this one has too.
        for folder in root, root / "kernels":
            (folder / f"{name}.json").unlink(missing_ok=True)


def standard_library():
    release = re.search(r"^release: (.*)$", said("rustc", "-vV"), re.MULTILINE)[1]
    return {
        "type": "library", "bom-ref": f"std@{release}", "name": "std", "version": release,
        "description": "The Rust standard library, as the toolchain has it, with the crates that it uses itself",
        "scope": "required", "licenses": [{"expression": "MIT OR Apache-2.0"}], "purl": f"pkg:generic/rust-std@{release}",
    }


def model():
    card = (root / "model/model.toml").read_text()
    name, sha256 = (re.search(rf'^{key} = "(.*)"$', card, re.MULTILINE)[1] for key in ("name", "sha256"))
    terms = re.search(r"^Comment: ((?:.*\n)(?: .*\n)*)", (root / "packaging/copyright").read_text(), re.MULTILINE)[1]
    return {
        "type": "machine-learning-model", "bom-ref": f"{name}@{sha256[:12]}", "name": name, "version": sha256[:12],
        "description": " ".join(terms.split()), "scope": "required",
        "hashes": [{"alg": "SHA-256", "content": sha256}], "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }


# Refs hold the path of this folder.
text = re.sub(r"path\+file://[^#\"]*#", "", listed()).replace("?download_url=file://.", "")
bill = json.loads(text)
linked = set(said("scripts/linked", target).replace(" v", " ").splitlines())
own = bill["metadata"]["component"]
bill["components"] = [part for part in bill["components"] if f"{part['name']} {part['version']}" in linked]
found = {f"{part['name']} {part['version']}" for part in [*bill["components"], own]}
if found != linked:
    sys.exit(f"sbom: cargo-cyclonedx does not know of {sorted(linked - found)}")
for part in bill["components"]:
    part["scope"] = "required"
    # Crates of this repository have no hash: they are the sources of the release.
    if not part.get("licenses") or (part["bom-ref"].startswith("registry") and not part.get("hashes")):
        sys.exit(f"sbom: {part['name']} has no licence or no hash")
more = [standard_library(), model()]
bill["components"] += more
refs = {part["bom-ref"] for part in [*bill["components"], own]}
edges = [edge for edge in bill["dependencies"] if edge["ref"] in refs]
for edge in edges:
    needs = [ref for ref in edge.get("dependsOn", []) if ref in refs]
    if edge["ref"] == own["bom-ref"]:
        needs += [part["bom-ref"] for part in more]
    edge["dependsOn"] = needs
bill["dependencies"] = edges + [{"ref": part["bom-ref"]} for part in more]
out.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n")
