"""Manifests as they are, and the schemas that they are held against."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

KIND_IN_KUBERNETES = {
    "NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
}


@pytest.fixture(scope="session")
def deploy(root: Path) -> Path:
    """The folder of the manifests."""
    return root / "deploy"


@pytest.fixture(scope="session")
def read(deploy: Path) -> Callable[[str], dict[str, Any]]:
    """Read a manifest that holds one document, anew each time."""
    return lambda name: yaml.safe_load((deploy / name).read_text())


@pytest.fixture(scope="session")
def kubernetes_errors(deploy: Path) -> Callable[[dict[str, Any]], list[str]]:
    """Return where a manifest for Kubernetes breaks the pinned schemas."""
    schemas = deploy / "schemas"
    pods = json.loads((schemas / "kubernetes-1.34.json").read_text())
    rays = yaml.safe_load((schemas / "kuberay-1.7.0.yaml").read_text())
    registry = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in (pods, rays)
    )

    def errors(manifest: dict[str, Any]) -> list[str]:
        if manifest["apiVersion"].startswith("ray.io/"):
            schema = rays
        else:
            schema = {"$ref": f"{pods['$id']}#/$defs/{KIND_IN_KUBERNETES[manifest['kind']]}"}
        validator = jsonschema.Draft202012Validator(schema, registry=registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]

    return errors
