import json

import pytest
import torch

from trainers.loop.estimate import estimate
from trainers.loop.mfu import WORK, Utilisation, peak_tflops, write_work

CPU = torch.device("cpu")


def test_the_share_is_work_over_time_and_over_what_all_devices_can_do(make_job, tmp_path):
    job = make_job(peak_tflops=0.5)
    utilisation = Utilisation(job, tmp_path, 2, CPU)
    assert utilisation.figures(0.25) == {}
    write_work(tmp_path, job)
    flops = 3 * job.training.global_batch * estimate(job).flops_per_clip
    assert utilisation.figures(0.25) == {"train/mfu": pytest.approx(flops / (0.25 * 2 * 0.5e12))}


def test_what_a_clip_costs_is_worked_out_once_for_a_run(make_job, tmp_path):
    job = make_job()
    write_work(tmp_path, job)
    work = json.loads((tmp_path / WORK).read_text())
    assert work["parameters"] == estimate(job).parameters
    (tmp_path / WORK).write_text("{}")
    write_work(tmp_path, job)
    assert (tmp_path / WORK).read_text() == "{}"


def test_a_gpu_is_looked_up_and_an_unknown_one_has_no_figure(make_job, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    assert peak_tflops(torch.device("cuda")) == 989.0
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Quantum 1")
    write_work(tmp_path, make_job())
    assert Utilisation(make_job(), tmp_path, 1, torch.device("cuda")).figures(1.0) == {}


def test_a_cpu_is_measured():
    assert 1e-4 < peak_tflops(CPU) < 100
