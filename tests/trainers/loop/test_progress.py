import json

from trainers.loop.progress import Progress


def line(step):
    return json.dumps({"step": step, "train/loss": 1.0 / step, "train/clips_per_s": 8.0}) + "\n"


def test_the_bar_follows_the_log_and_its_replacement(tmp_path):
    path = tmp_path / "metrics.jsonl"
    progress = Progress(path, 10)
    progress._draw()
    assert progress._bar.n == 0
    path.write_text(line(1) + line(2) + '{"step": 3, "tr')
    progress._draw()
    assert progress._bar.n == 2
    with path.open("a") as file:
        file.write('ain/loss": 0.3, "train/clips_per_s": 8.0}\n')
    progress._draw()
    assert progress._bar.n == 3
    # Resumed from step 1: the log is cut back by a replacement.
    (tmp_path / "new").write_text(line(1) + line(2))
    (tmp_path / "new").rename(path)
    progress._draw()
    assert progress._bar.n == 2
    assert "loss=0.500" in progress._bar.postfix
