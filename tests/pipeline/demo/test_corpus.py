"""The corpus on disk: the same bytes always, truth that fits, bits that can be read."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import webvtt

from configs.demo_corpus import DemoCorpusConfig
from pipeline.demo.corpus import build_corpus, plan_video
from pipeline.demo.truth import Planned
from pipeline.demo.world import STEP_S, Step


def _digests(out: Path, suffix: str = "") -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob(f"*{suffix}"))
        if path.is_file()
    }


def _rows(config: DemoCorpusConfig, name: str) -> list[dict]:
    return [json.loads(line) for line in (Path(config.out) / "truth" / name).open()]


def _ms(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return 3_600_000 * int(hours) + 60_000 * int(minutes) + round(1000 * float(seconds))


def _decode(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Times and frames of the picture; samples and rate of the sound."""
    with av.open(str(path)) as container:
        decoded = [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return np.array([at for at, _ in decoded]), np.stack([f for _, f in decoded]), sound, rate


def _clips(config: DemoCorpusConfig) -> Iterator[tuple[Step, np.ndarray, np.ndarray, int]]:
    """Each clip of 3.2 s: the step that it shows most, its frames and its sound."""
    for index in range(config.videos):
        world, _ = plan_video(config, index)
        times_s, frames, sound, rate = _decode(Path(config.out) / f"{world.video_id}.mp4")
        for clip, step in enumerate(world.steps):
            start_s, end_s = clip * STEP_S, (clip + 1) * STEP_S
            picture = frames[(times_s >= start_s) & (times_s < end_s)]
            yield step, picture, sound[round(start_s * rate) : round(end_s * rate)], rate


def test_the_bytes_do_not_depend_on_workers_or_on_how_many_videos_there_are(
    rendered: DemoCorpusConfig, tmp_path: Path
) -> None:
    fewer = rendered.model_copy(update={"out": str(tmp_path), "videos": 2, "workers": 2})
    assert build_corpus(fewer) == 2
    expected = _digests(Path(rendered.out))
    for suffix in (".mp4", ".vtt"):
        found = _digests(tmp_path, suffix)
        assert len(found) == 2
        assert found.items() <= expected.items()


def test_another_seed_writes_other_videos(rendered: DemoCorpusConfig, tmp_path: Path) -> None:
    other = rendered.model_copy(update={"out": str(tmp_path), "videos": 1, "seed": 1})
    build_corpus(other)
    expected, found = _digests(Path(rendered.out)), _digests(tmp_path)
    for name in ("kitchen_0000.mp4", "kitchen_0000.vtt"):
        assert found[name] != expected[name]


def test_every_video_has_captions_and_the_truth_its_three_files(
    rendered: DemoCorpusConfig,
) -> None:
    assert list(_digests(Path(rendered.out))) == [
        "garage_0001.mp4", "garage_0001.vtt",
        "garden_0002.mp4", "garden_0002.vtt",
        "kitchen_0000.mp4", "kitchen_0000.vtt",
        "truth/corpus.json", "truth/cues.jsonl", "truth/steps.jsonl",
    ]  # fmt: skip


def test_the_cues_of_the_truth_are_those_of_the_captions(rendered: DemoCorpusConfig) -> None:
    cues = _rows(rendered, "cues.jsonl")
    for path in Path(rendered.out).glob("*.vtt"):
        read = [(_ms(cue.start), _ms(cue.end), cue.text) for cue in webvtt.read(str(path))]
        assert read == [
            (round(1000 * cue["start_s"]), round(1000 * cue["end_s"]), cue["text"])
            for cue in cues
            if cue["video_id"] == path.stem
        ]


def test_the_record_counts_what_the_tables_hold(rendered: DemoCorpusConfig) -> None:
    record = json.loads((Path(rendered.out) / "truth" / "corpus.json").read_bytes())
    steps, cues = _rows(rendered, "steps.jsonl"), _rows(rendered, "cues.jsonl")
    assert (record["num_steps"], record["num_cues"]) == (len(steps), len(cues)) == (36, 45)
    assert record["label_counts"] == [sum(s["label"] == k for s in steps) for k in range(8)]
    assert (record["seed"], record["num_classes"], record["unimodal_ceiling"]) == (0, 8, 0.25)


def test_the_picture_lasts_as_long_as_the_steps(rendered: DemoCorpusConfig) -> None:
    world, _ = plan_video(rendered, 0)
    times_s, frames, sound, rate = _decode(Path(rendered.out) / "kitchen_0000.mp4")
    assert frames.shape[1:] == (64, 80, 3)
    assert times_s[0] == 0
    assert world.duration_s - 1 / float(world.fps) <= times_s[-1] < world.duration_s
    assert len(sound) / rate == pytest.approx(world.duration_s, abs=0.1)


def test_a_threshold_on_a_crop_reads_the_bit_that_is_only_seen(
    rendered: DemoCorpusConfig,
) -> None:
    right = []
    for step, picture, _, _ in _clips(rendered):
        highest_crop = picture[:, :48, :48]
        right.append((highest_crop[:, 43:].mean() > 130) == step.seen)
    assert len(right) == 36
    assert np.mean(right) >= 0.95


def test_a_threshold_on_the_spectrum_reads_the_bit_that_is_only_heard(
    rendered: DemoCorpusConfig,
) -> None:
    right = []
    for step, _, sound, rate in _clips(rendered):
        power = np.abs(np.fft.rfft(sound.astype(float))) ** 2
        high_hz = np.fft.rfftfreq(len(sound), 1 / rate) > 500
        right.append((power[high_hz].sum() > 0.5 * power.sum()) == step.heard)
    assert np.mean(right) >= 0.95


def test_progress_is_told_after_each_video(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    config = DemoCorpusConfig(out=str(tmp_path), videos=2, steps_per_video=3, workers=1)
    build_corpus(config, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_a_complete_corpus_is_left_alone_and_a_damaged_one_mended(tmp_path: Path) -> None:
    told: list[int] = []
    config = DemoCorpusConfig(out=str(tmp_path), videos=1, steps_per_video=3, workers=1)
    build_corpus(config)
    before = _digests(tmp_path)
    build_corpus(config, lambda done, _: told.append(done))
    assert told == []
    (tmp_path / "kitchen_0000.mp4").write_bytes(b"damaged")
    build_corpus(config, lambda done, _: told.append(done))
    assert told == [1]
    assert _digests(tmp_path) == before


def test_a_folder_with_other_videos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").touch()
    with pytest.raises(ValueError, match=r"1 others such as holiday\.mp4"):
        build_corpus(DemoCorpusConfig(out=str(tmp_path), videos=1, workers=1))
    assert not (tmp_path / "truth").exists()


def test_a_video_of_a_larger_corpus_is_planned_alike(planned: list[Planned]) -> None:
    small = DemoCorpusConfig(videos=20)
    assert [plan_video(small, index) for index in range(20)] == planned[:20]
