import itertools
import shutil
from pathlib import Path

import pytest

from shards import storage
from shards.commit import BundleRecord, commit_bundle, sweep_uncommitted
from shards.fold import fold
from shards.manifest import Manifest
from shards.rewrite import rewrite_bundle
from shards.write import ShardWriter

CAPS = {"max_bytes": 2**20, "max_samples": 4}


@pytest.fixture
def build(make_sample):
    """Builds and commits a bundle of these videos, with some clips each in turn, one lost."""

    def make(out: str, videos: str, fingerprint: str = "f") -> str:
        with ShardWriter(out, "000000", **CAPS) as writer:
            for start in range(4):
                for video in videos:
                    writer.add(make_sample(video, 3.2 * start), "val" if video == "b" else "train")
            parts = writer.finish()
        row = {"code": "E_SHORT", "clips": 1, "bundle": "000000", "t0_s": 99.0}
        record = BundleRecord(
            "000000",
            fingerprint,
            dict.fromkeys(videos, 5),
            parts,
            [{"video_id": video} | row for video in videos],
            [{"video_id": video, "sha256": f"hash of {video}"} for video in videos],
        )
        assert commit_bundle(out, record)
        return out

    return make


def tree(out: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(Path(out).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.parametrize("gone", ["a", "b", "c", "ac", "abcd"])
def test_a_rewritten_bundle_is_the_one_that_is_built_without(tmp_path, build, gone):
    out = build(str(tmp_path / "all"), "abcd")
    left = "".join(video for video in "abcd" if video not in gone)
    wanted = build(str(tmp_path / "wanted"), left, "without")
    rewrite_bundle(out, "000000", set(gone), "without", **CAPS)
    sweep_uncommitted(out)
    assert tree(out) == tree(wanted)
    fold(out, ["000000"])
    fold(wanted, ["000000"])
    assert tree(out) == tree(wanted)


def test_a_rewrite_that_is_cut_short_anywhere_is_finished_by_the_next(tmp_path, build, monkeypatch):
    old = build(str(tmp_path / "old"), "abcd")
    wanted = tree(build(str(tmp_path / "wanted"), "cd", "without"))

    class Killed(BaseException):
        pass

    names = ("publish", "write_atomic", "delete")
    real = {name: getattr(storage, name) for name in names}
    num_cut = 0
    for deadly in itertools.count(1):
        out = shutil.copytree(old, tmp_path / f"cut-{deadly}")
        calls = itertools.count(1)

        def dying(name, *args, calls=calls, deadly=deadly):
            if next(calls) == deadly:
                raise Killed
            return real[name](*args)

        for name in names:
            monkeypatch.setattr(storage, name, lambda *args, name=name: dying(name, *args))
        # The one that is cut short takes less away, so that its tars are not the wanted ones.
        try:
            rewrite_bundle(str(out), "000000", {"a"}, "without a", **CAPS)
        except Killed:
            num_cut += 1
        else:
            break
        finally:
            for name in names:
                monkeypatch.setattr(storage, name, real[name])
        rewrite_bundle(str(out), "000000", {"a", "b"}, "without", **CAPS)
        storage.sweep_temporary(str(out))
        sweep_uncommitted(str(out))
        assert tree(str(out)) == wanted, f"cut at call {deadly}"
    assert num_cut > 6


def test_damage_does_not_get_a_good_hash(tmp_path, build):
    out = build(str(tmp_path), "abcd")
    path = tmp_path / "000000-02.tar"
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    before = tree(out)
    with pytest.raises(ValueError, match=r"000000-02\.tar"):
        rewrite_bundle(out, "000000", {"a"}, "without", **CAPS)
    assert tree(out) == before


def test_in_a_bucket_the_same_holds(bucket, build):
    out, wanted = build(f"{bucket}/all", "abcd"), build(f"{bucket}/wanted", "bd", "without")
    rewrite_bundle(out, "000000", {"a", "c"}, "without", **CAPS)
    sweep_uncommitted(out)
    for folder, suffix in (("", ".tar"), ("/done", "")):
        names = storage.list_names(out + folder, suffix)
        assert names == storage.list_names(wanted + folder, suffix)
        for name in names:
            assert storage.sha256_of(f"{out}{folder}/{name}") == storage.sha256_of(
                f"{wanted}{folder}/{name}"
            )
    assert fold(out, ["000000"]).sha256 == fold(wanted, ["000000"]).sha256
    assert Manifest.load(out).samples.num_rows == 8
