"""Damage to shards is found, all of it: random flips, cuts and holes, and every member boundary."""

import json
import random
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import cli
from pipeline.tasks.plan import PLAN_COLUMNS, Generation, Plan
from pipeline.tasks.planfile import save_plan
from shards.clipcodec import encode_audio, encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample, Window
from shards.state import mark_complete
from shards.verify import verify
from shards.write import ShardWriter

NUM_CASES, NUM_QUICK_CASES = 1000, 60
MAX_HOLE_BYTES = 8192


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three bundles of small but real samples: pictures, sound, words."""
    out = tmp_path_factory.mktemp("damage") / "out"
    rng = np.random.default_rng(7)
    frames_THWC = rng.integers(0, 255, (8, 32, 48, 3), np.uint8)
    clip = encode_clip(frames_THWC, fps=10, crf=30)
    audio = encode_audio(rng.integers(-9000, 9000, 3200, np.int16), 16_000)
    bundles = [f"{number:06d}" for number in range(3)]
    sources = [
        {"video_id": f"{bundle}-{name}", "bundle": int(bundle), "bytes": 1, "digest": bytes(16)}
        for bundle in bundles
        for name in "ab"
    ]
    generations = tuple(Generation(int(bundle), 1) for bundle in bundles)
    plan = Plan("settings", generations, pa.Table.from_pylist(sources, schema=PLAN_COLUMNS))
    out.mkdir()
    save_plan(str(out), plan)
    for bundle in bundles:
        videos = [f"{bundle}-{name}" for name in "ab"]
        with ShardWriter(str(out), bundle, max_bytes=2**20, max_samples=5) as writer:
            for start_s in (0.0, 3.2, 6.4, 9.6):
                for video in videos:
                    windows = (Window(0, start_s, start_s + 2, f"words of {video}"),)
                    meta = {
                        "video_id": video, "t0_s": start_s, "t1_s": start_s + 3.2, "fps": 10,
                        "n": 8, "flags": [], "src": {"bytes": 1, "sha256": video},
                    }  # fmt: skip
                    writer.add(Sample(meta, clip, windows[0].text, windows, audio), "train")
            parts = writer.finish()
        planned = dict.fromkeys(videos, 4)
        rows = [{"video_id": video, "sha256": video} for video in videos]
        record = BundleRecord(bundle, plan.fingerprints()[bundle], planned, parts, [], rows)
        commit_bundle(str(out), record)
    fold(str(out), bundles)
    assert verify(str(out), num_decoded=None) == []
    return out


def damaged(data: bytes, kind: str, rng: random.Random) -> bytes:
    """Return other bytes: bits flipped, the end cut off, or a range zeroed or left out."""
    while True:
        changed = bytearray(data)
        match kind:
            case "flip":
                for _ in range(rng.choice((1, 1, 1, 2, 8))):
                    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case "cut":
                del changed[rng.randrange(len(data)) :]
            case _:
                first = rng.randrange(len(data))
                stop = min(len(data), first + rng.randrange(1, MAX_HOLE_BYTES))
                changed[first:stop] = bytes(stop - first) if rng.random() < 0.5 else b""
        # A hole in what is zero already is no damage.
        if changed != data:
            return bytes(changed)


def cases(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path, bytes]]:
    """Yield a kind, a tar and what it is to hold. The tar is whole again afterwards."""
    rng = random.Random(seed)
    tars = sorted(folder.glob("*.tar"))
    for number in range(count):
        kind = ("flip", "cut", "hole")[number % 3]
        path = rng.choice(tars)
        data = path.read_bytes()
        path.write_bytes(damaged(data, kind, rng))
        yield kind, path, data
        path.write_bytes(data)


def found_by_verify(folder: Path, count: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Return how many cases of each kind there were, and how many `weakvid verify` found."""
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for kind, path, _ in cases(folder, count, seed):
        tried[kind] += 1
        problems = verify(str(folder))
        # It must name the tar, and the command must not end with 0.
        found[kind] += any(path.name in problem for problem in problems)
    assert verify(str(folder), num_decoded=None) == []
    return tried, found


def test_sixty_random_damages_are_all_found(folder: Path) -> None:
    tried, found = found_by_verify(folder, NUM_QUICK_CASES, seed=1)
    assert found == tried and tried.total() == NUM_QUICK_CASES


def test_the_command_ends_with_one_where_a_byte_is_wrong(folder: Path, capsys) -> None:
    assert cli.main(["verify", str(folder)]) == 0
    for kind, path, _ in cases(folder, 6, seed=2):
        assert cli.main(["verify", str(folder)]) == 1, kind
        assert path.name in capsys.readouterr().out


def changed_somewhere(value: object, rng: random.Random) -> object:
    """Return a copy of a JSON value in which one place holds something else, or is gone."""
    copy = json.loads(json.dumps(value))
    places: list[tuple[dict | list, int | str]] = []

    def walk(node: object) -> None:
        if isinstance(node, dict | list):
            for key in node if isinstance(node, dict) else range(len(node)):
                places.append((node, key))
                walk(node[key])

    walk(copy)
    node, key = rng.choice(places)
    other = rng.choice(("gone", None, 77, -1, "x", [], {}, 1.5, [1], {"a": 1}))
    if other == "gone":
        del node[key]
    else:
        node[key] = other
    return copy


def test_json_that_is_well_formed_and_says_something_else_is_found(folder: Path, capsys) -> None:
    rng = random.Random(4)
    manifest = folder / "manifest.json"
    paths = [manifest, folder / "plan.json", *sorted(folder.glob("done/*.json"))]
    for number in range(NUM_QUICK_CASES):
        path = paths[number % len(paths)]
        data = path.read_bytes()
        value = json.loads(data)
        while (changed := changed_somewhere(value, rng)) == value:
            pass
        path.write_text(json.dumps(changed))
        # Also where whoever changed it signed it as whole.
        mark_complete(str(folder), manifest.read_bytes())
        assert cli.main(["verify", str(folder), "--quick"]) == 1, (path.name, changed)
        path.write_bytes(data)
        mark_complete(str(folder), manifest.read_bytes())
    capsys.readouterr()
    assert cli.main(["verify", str(folder)]) == 0


@pytest.mark.slow
def test_a_thousand_random_damages_are_all_found(folder: Path, figures) -> None:
    tried, found = found_by_verify(folder, NUM_CASES, seed=3)
    figures(
        damages=tried.total(),
        found=found.total(),
        **{f"{kind}s": f"{found[kind]} of {tried[kind]}" for kind in sorted(tried)},
        bytes=sum(path.stat().st_size for path in folder.glob("*.tar")),
    )
    assert found == tried and tried.total() == NUM_CASES


@pytest.mark.slow
def test_a_cut_at_every_member_boundary_of_every_tar_is_found(folder: Path, figures) -> None:
    tried = found = 0
    for path in sorted(folder.glob("*.tar")):
        data = path.read_bytes()
        with tarfile.open(path) as tar:
            cuts = {place for info in tar for place in (info.offset, info.offset_data)}
        cuts |= {len(data) - 1024, len(data) - 512, len(data) - 1}
        for cut in sorted(cuts):
            path.write_bytes(data[:cut])
            tried += 1
            found += any(path.name in problem for problem in verify(str(folder)))
        path.write_bytes(data)
    figures(boundaries=tried, found=found)
    assert found == tried > 200
