import ast
from pathlib import Path

from trainers.loop.code import code_version, digest
from trainers.loop.drift import changes

ROOT = Path(__file__).parents[3]

SOURCE = b'''
"""A module."""


def double(x):
    """Return twice x."""
    # Not in place.
    return 2 * x
'''


def test_comments_docstrings_and_layout_are_not_code():
    assert digest(SOURCE) == digest(b"def double( x ):\n    return (2*x)\n")


def test_a_changed_number_is():
    assert digest(SOURCE) != digest(SOURCE.replace(b"2 *", b"3 *"))


def test_the_version_names_files_and_packages_that_decide_numbers():
    version = code_version()
    for name in ("trainers/loop/step.py", "trainers/models/build.py", "shards/order.py", "torch"):
        assert version[name]
    assert "trainers/loop/launch.py" not in version
    assert "+" not in version["torch"]


FREE = {
    "shards": "the manifest's hash and the shards' hashes are compared instead",
    "trainers.loop.conflict": "only looks",
    "trainers.loop.figures": "only looks",
    "trainers.loop.skips": "counts",
    "trainers.lines": "reads logs",
    "trainers.waits": "notes who waits",
}
"""What a step imports and what decides no number."""


def imports(module):
    """Modules of ours that a module and those below it import."""
    found, todo = set(), [module]
    while todo:
        name = todo.pop()
        path = ROOT / f"{name.replace('.', '/')}.py"
        if name in found or not path.exists():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def test_every_module_that_a_step_of_training_runs_through_is_covered():
    reached = imports("trainers.loop.step") | imports("trainers.data.loader")
    assert "trainers.models.s3d" in reached
    covered = {name.removesuffix(".py").replace("/", ".") for name in code_version()}
    free = tuple(FREE)
    ours = {n for n in reached if n.startswith(("trainers.", "shards."))}
    assert {n for n in ours - covered if not n.startswith(free)} == set()


def test_drift_names_what_differs_what_came_and_what_went():
    before = {"torch": "2.13.0", "a.py": "1", "b.py": "2"}
    assert changes(before, {"torch": "2.14.0", "a.py": "1", "c.py": "3"}) == [
        "b.py: 2 -> none",
        "c.py: none -> 3",
        "torch: 2.13.0 -> 2.14.0",
    ]
    assert changes(before, before) == []
