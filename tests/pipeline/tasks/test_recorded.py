import os

from configs.clips import ClipsConfig
from configs.runs import RayConfig, ShardsJob
from configs.shards import ShardsConfig
from pipeline.tasks.recorded import SETTINGS, load_settings, save_settings


def test_settings_come_back_and_hold_no_path(tmp_path):
    out = str(tmp_path)
    assert load_settings(out) == {}
    save_settings(out, ShardsJob(clips=ClipsConfig(crf=30), shards=ShardsConfig(out="/secret")))
    assert load_settings(out)["clips"]["crf"] == 30
    assert load_settings(out)["shards"]["val_share"] == 0.1
    assert "secret" not in (tmp_path / SETTINGS).read_text()


def test_the_same_settings_are_not_written_again(tmp_path):
    save_settings(str(tmp_path), ShardsJob())
    path = tmp_path / SETTINGS
    os.utime(path, ns=(1, 1))
    save_settings(str(tmp_path), ShardsJob(ray=RayConfig(cpus=3)))
    assert path.stat().st_mtime_ns == 1
    save_settings(str(tmp_path), ShardsJob(clips=ClipsConfig(fps=5)))
    assert path.stat().st_mtime_ns != 1
