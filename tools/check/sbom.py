"""sbom.py CYCLONEDX SPDX: whether both bills of materials are what the official schemas and validators want, and name the same parts."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

passed = failed = 0


def check(what, wrong):
    global passed, failed
    if wrong:
        failed += 1
        print(f"FAILED: {what}: {'; '.join(wrong[:5])}")
    else:
        passed += 1


with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
check("CycloneDX 1.6", [repr(error)] if error else [])
cyclonedx = json.loads(text)
check(
    "SPDX 2.3",
    [message.validation_message for message in validate_full_spdx_document(parse_file(sys.argv[2]))],
)
with open(sys.argv[2], encoding="utf-8") as file:
    spdx = json.load(file)

parts = {part["purl"]: part for part in cyclonedx["components"]}
told = {ref["referenceLocator"] for package in spdx["packages"] for ref in package.get("externalRefs", [])}
check("both name the same parts", sorted(told ^ parts.keys()))
known = parts.keys() | {cyclonedx["metadata"]["component"]["bom-ref"]}
check(
    "what is needed is there",
    sorted(other for part in cyclonedx["dependencies"] for other in part["dependsOn"] if other not in known),
)
# One of each kind that must be in any image.
for start in (
    "pkg:deb/debian/systemd@",
    "pkg:deb/debian/linux-image-",
    "pkg:deb/debian/busybox-static@",
    "pkg:generic/dahdi-linux@",
    "pkg:generic/ramald@",
    "pkg:generic/sqlite@",
    "pkg:cargo/tokio@",
    "pkg:npm/svelte@",
):
    check(f"{start} is a part", [] if any(purl.startswith(start) for purl in parts) else ["it is not"])
# Crates of tests and of the build, and packages that are trimmed away.
for start in ("pkg:cargo/proptest@", "pkg:cargo/rsip@", "pkg:cargo/thiserror-impl@", "pkg:npm/vite@", "pkg:deb/debian/apt@"):
    check(f"{start} is no part", [purl for purl in parts if purl.startswith(start)])
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
