"""What of a folder travels to the cluster, what does not, and how large it is."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".weakvidignore")
"""Read in every folder, in the language of git; of two rules that meet, the later one counts."""

MAX_BYTES = 100 * 2**20
"""Ray's job server takes no larger package."""

MAX_FILES = 20_000
"""More is no project, but a folder of data or a home."""

NUM_SHOWN = 8

_ALWAYS = GitIgnoreSpec.from_lines(
    [
        # Versions, environments, caches, builds.
        *(".git", ".hg", ".svn", ".venv/", "venv/", "node_modules/", "__pycache__/"),
        *(".*_cache/", ".hypothesis/", "*.egg-info/", "/build/", "/dist/", "*.pyc", ".DS_Store"),
        # What is worked on lies on storage that every node sees.
        *("/data/", "/runs/"),
        # Everybody who may submit a job can read what was sent.
        *(".env", ".env.*", ".netrc", "*.pem", "*.key", "id_rsa*", "id_ed25519*"),
        *("auth_token", "credentials", "credentials.json", ".aws/", ".ssh/", ".kube/", ".ray/"),
    ]
)


@dataclass(frozen=True, slots=True)
class Contents:
    """Files of a folder by their names in it, with their sizes."""

    folder: Path
    files: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Files and folders that match a rule, links that lead out of the folder, and whatever is
    neither file nor folder."""

    @property
    def num_bytes(self) -> int:
        """Return the size of all files, before they are compressed."""
        return sum(self.files.values())

    def largest(self) -> list[tuple[str, int]]:
        """Return the names at the top of the folder that hold most."""
        sizes: Counter[str] = Counter()
        for name, size in self.files.items():
            sizes[name.partition("/")[0]] += size
        return sizes.most_common(NUM_SHOWN)


def read_contents(folder: Path) -> Contents:
    """Return what of a folder travels.

    Raises:
        ValueError: If it is more than Ray takes.
    """
    contents, num_bytes = Contents(folder), 0
    for name, size in _files(contents, folder, "", []):
        contents.files[name] = size
        num_bytes += size
        if len(contents.files) > MAX_FILES or num_bytes > MAX_BYTES:
            break
    else:
        return contents
    large = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in contents.largest())
    raise ValueError(
        f"the folder that is sent must hold at most {MAX_FILES} files of {MAX_BYTES >> 20} MiB "
        f"together, got more in {folder}; so far: {large}. Name what is not needed in "
        ".weakvidignore, or launch from the folder of your project"
    )


def _files(
    contents: Contents, folder: Path, prefix: str, above: list[tuple[str, GitIgnoreSpec]]
) -> Iterator[tuple[str, int]]:
    rules = [*above, *((prefix, spec) for spec in _rules_in(folder))]
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name = prefix + entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if _is_ignored(f"{name}/" if is_folder else name, rules):
            contents.left_out.append(f"{name}/" if is_folder else name)
        elif is_folder:
            yield from _files(contents, Path(entry.path), f"{name}/", rules)
        elif (size := _size(Path(entry.path), contents.folder)) is not None:
            yield name, size
        else:
            contents.left_out.append(name)


def _rules_in(folder: Path) -> Iterator[GitIgnoreSpec]:
    for name in IGNORE_FILES:
        if (folder / name).is_file():
            yield GitIgnoreSpec.from_lines((folder / name).read_text().splitlines())


def _is_ignored(name: str, rules: list[tuple[str, GitIgnoreSpec]]) -> bool:
    """Return what the last rule says that matches; each counts from its own folder."""
    for prefix, spec in reversed(rules):
        verdict = spec.check_file(name.removeprefix(prefix)).include
        if verdict is not None:
            return verdict
    return bool(_ALWAYS.check_file(name).include)


def _size(path: Path, folder: Path) -> int | None:
    """Return the size of a file; None where it is none, or lies elsewhere."""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return None
    try:
        status = path.stat()
    except OSError:  # a link that leads nowhere
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
