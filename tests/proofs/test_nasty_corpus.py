"""138 damaged, lying and hostile files and 77 odd ones from elsewhere go through the whole stage.

Nothing crashes or hangs, each file gives clips or one row with a code, two runs agree, sound
files of the same batch are what they are without the others, nobody is called, nothing foreign
is read.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shards.manifest import load_rejects
from shards.read import read_samples

ROOT = Path(__file__).resolve().parents[2]
CAPTIONS = "WEBVTT\n\n" + "\n".join(
    f"00:00:{start:06.3f} --> 00:00:{start + 0.7:06.3f}\nwe look at part {place} of it\n"
    for place, start in enumerate([0.2, 1.1, 2.2, 4.0, 7.5, 11.0, 14.0, 18.5, 23.0, 27.5, 29.2])
)
MAX_SECONDS = 360

# Shorter than one clip, or, for f01 and l03, without a word that can be believed.
QUARANTINE = {"E_EMPTY", "E_NOTMEDIA", "E_MOOV", "E_NOVIDEO", "E_CODEC", "E_HUGE"}
TOO_SHORT = {"v09_one_frame.mp4"}
# Damaged in fact: what is left of them must say so.
MUST_BE_MARKED = ("c06", "c07", "c09", "c10", "c11", "c12", "c16", "f02", "f04", "f05", "f08",
                  "f09", "f10", "f11", "f12", "f13", "l04", "l05")  # fmt: skip
MARKS = {"W_CORRUPT", "W_TRUNC"}


@dataclass
class Outcome:
    """What became of one source."""

    clips: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[str, int]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    @property
    def codes(self) -> Counter[str]:
        return Counter(code for code, _ in self.rows)

    @property
    def told(self) -> str:
        """The outcome in a line, for the page of the proof."""
        rejected = [f"{code} {count}" for code, count in sorted(self.codes.items())]
        flags = sorted(self.flags - {"W_STATIC", "W_SILENT", "W_DARK"})
        parts = [f"{len(self.clips)} clips" if self.clips else "", ", ".join(flags)]
        return "; ".join(part for part in [*parts, ", ".join(rejected)] if part)


@pytest.fixture(scope="module")
def files(nasty_corpus, test_data) -> dict[str, tuple[Path, str]]:
    """id -> (file, what the corpus expects); "any" for files from elsewhere."""
    manifest = json.loads((nasty_corpus.parent / "manifest.json").read_text())
    found = {
        f"n{place:03d}": (nasty_corpus / row["name"], row["expect"])
        for place, row in enumerate(manifest["files"])
    }
    for place, path in enumerate(sorted((test_data / "nasty_media").iterdir())):
        found[f"x{place:03d}"] = (path, "any")
    return found


def build(folder: Path, name: str, files: dict[str, tuple[Path, str]]) -> tuple[Path, float]:
    """Run `weakvid shards` over a listing; return its output and the seconds it took."""
    captions = folder / "captions.vtt"
    captions.write_text(CAPTIONS)
    listing, out = folder / f"{name}.jsonl", folder / name
    rows = [
        {"id": video_id, "video": str(path), "captions": str(captions)}
        for video_id, (path, _) in files.items()
    ]
    listing.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [sys.executable, "-m", "pipeline.cli", "shards", "--preset", "local"]
    words += ["--sources.path", str(listing)]
    words += ["--shards.out", str(out), "--shards.sources-per-bundle", "16"]
    words += ["--clips.num-frames", "8", "--clips.short-side", "64", "--shards.max-reject", "1"]
    started = time.monotonic()
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    # What the driver says when a worker dies, or a bundle is tried once more.
    assert "follows" not in said and "died" not in said, said[-4000:]
    return out, time.monotonic() - started


def outcomes(out: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = defaultdict(Outcome)
    for tar in sorted(out.glob("*.tar")):
        for sample in read_samples(str(tar)):
            one = found[sample.meta["video_id"]]
            digest = hashlib.sha256(json.dumps(sample.meta, sort_keys=True).encode())
            digest.update(sample.clip + (sample.audio or b""))
            one.clips[str(sample.meta["t0_s"])] = digest.hexdigest()
            one.flags |= set(sample.meta["flags"])
    for row in load_rejects(str(out)):
        found[row["video_id"]].rows.append((row["code"], row["clips"]))
    return found


@pytest.fixture(scope="module")
def twice(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    return [(*build(folder, name, files), folder) for name in ("one", "two")]


@pytest.mark.slow
def test_every_file_gives_clips_or_one_row(twice, files, figures, canary):
    (out, seconds, _), _ = twice
    found = outcomes(out)
    for video_id, (path, _) in files.items():
        one = found.get(video_id)
        assert one is not None, f"{path.name!a}: neither clips nor rejects"
        if not one.clips:
            assert len(one.rows) == 1, f"{path.name!a}: {one.rows}"
    assert canary[1] == [], "somebody called the canary"
    assert seconds < MAX_SECONDS
    figures(
        files=len(files), seconds=seconds, clips=sum(len(one.clips) for one in found.values()),
        sources_with_clips=sum(bool(one.clips) for one in found.values()), canary_calls=0,
        codes=dict(sum((one.codes for one in found.values()), Counter())),
    )  # fmt: skip


@pytest.mark.slow
def test_no_worker_or_decoder_died(twice):
    for out, _, _ in twice:
        codes = {row["code"] for row in load_rejects(str(out))}
        assert not codes & {"E_CRASH", "E_TIMEOUT", "E_OOM"}


@pytest.mark.slow
def test_two_runs_agree(twice):
    one, two = (
        {path.name: path.read_bytes() for path in sorted(out.glob("*.tar"))} for out, _, _ in twice
    )
    assert one and one == two
    assert (twice[0][0] / "rejects.jsonl").read_bytes() == (
        twice[1][0] / "rejects.jsonl"
    ).read_bytes()


@pytest.mark.slow
def test_what_the_corpus_expects_is_what_comes(twice, files, figures):
    found = outcomes(twice[0][0])
    figures(**{
        path.stem: f"{expect}: {found[video_id].told}"
        for video_id, (path, expect) in files.items()
        if path.name[1:3].isdigit()
    })  # fmt: skip
    wrong = []
    for video_id, (path, expect) in files.items():
        one, name = found[video_id], path.name
        if expect == "ok" and name not in TOO_SHORT:
            is_right = bool(one.clips) and not one.flags & MARKS
        elif expect == "quarantine":
            is_right = not one.clips and set(one.codes) <= QUARANTINE and len(one.rows) == 1
        elif name.startswith(MUST_BE_MARKED):
            is_right = bool(one.rows) if not one.clips else bool(one.flags & MARKS)
        else:
            is_right = True
        if not is_right:
            wrong.append((ascii(name), expect, len(one.clips), one.rows, sorted(one.flags)))
    assert wrong == []


@pytest.mark.slow
def test_sound_files_are_what_they_are_without_the_others(twice, files):
    sound = {video_id: file for video_id, file in files.items() if file[1] == "ok"}
    alone = outcomes(build(twice[0][2], "alone", sound)[0])
    among = outcomes(twice[0][0])
    assert {name: alone[name].clips for name in sound} == {
        name: among[name].clips for name in sound
    }


TRACED = """
import sys
from pathlib import Path
from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import MediaError
for name in sys.argv[1:]:
    try:
        request = make_request(Path(name), ClipsConfig(num_frames=8), LimitsConfig())
        decode_source(request, LimitsConfig(), lambda probe: [0], lambda message, block: None)
    except MediaError:
        pass
"""


@pytest.mark.slow
def test_no_hostile_file_opens_another_or_a_socket(nasty_corpus, figures, tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("no strace")
    hostile = sorted(nasty_corpus.glob("h[0-9][0-9]_*"))
    log, own = tmp_path / "log", {str(path) for path in hostile}
    words = [strace, "-f", "-qq", "-s", "512", "-e", "trace=open,openat,openat2,connect,execve"]
    words += ["-o", str(log), sys.executable, "-c", TRACED, *map(str, hostile)]
    subprocess.run(words, check=True, timeout=280, cwd=ROOT)
    lines = log.read_text(errors="replace").splitlines()
    foreign = [line for line in lines if str(nasty_corpus) in line and "execve" not in line]
    foreign = [line for line in foreign if not any(f'"{name}"' in line for name in own)]
    assert foreign == []
    assert [line for line in lines if "connect(" in line and "AF_INET" in line] == []
    opened = {name for name in own for line in lines if f'"{name}"' in line and "openat" in line}
    assert opened == own, "the trace must have seen each file opened"
    figures(hostile_files=len(hostile), foreign_opens=0, connects=0)
