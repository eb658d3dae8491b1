import pytest
import torch

from trainers.loop.fresh import fresh_model, measure_targets
from trainers.loop.schedule import learning_rate
from trainers.loop.skips import NonFiniteLoss
from trainers.loop.step import TrainStep

VOCABULARY = 50


def run_steps(make_batches, job, num_steps=4, dtype=torch.float32):
    torch.set_num_threads(1)
    model = fresh_model(job, VOCABULARY).to(dtype)
    measure_targets(model, make_batches(job))
    train = TrainStep(job, model)
    results = [train.run(step, make_batches(job, step)) for step in range(num_steps)]
    return model, results


def test_cached_gradients_give_the_same_curve_and_weights(make_job, make_batches):
    kept_model, kept = run_steps(make_batches, make_job(gradient_cache=False))
    cached_model, cached = run_steps(make_batches, make_job(gradient_cache=True))
    for one, other in zip(kept, cached, strict=True):
        assert other.figures == pytest.approx(one.figures, rel=1e-4)
        for key in ("train/loss", "train/cyclic"):
            assert other.figures[key] == pytest.approx(one.figures[key], rel=1e-5)
    states = zip(kept_model.named_buffers(), cached_model.named_buffers(), strict=True)
    for (name, one), (_, other) in states:
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5, msg=name)


def test_the_gradient_is_that_of_the_loss_of_the_whole_global_batch(make_job, make_batches):
    job = make_job(cyclic=0.0, virtual_ranks=1)
    model = fresh_model(job, VOCABULARY)
    train = TrainStep(job, model)
    batch = make_batches(job)[0]
    output = train.objectives(batch)
    train.objectives.mil_nce(
        output.video_BD, output.text_BKD, batch.mask_BK, batch.video_ids_B
    ).backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters()])
    train.run(0, [batch])
    assert (train._buffer.gradients_P - wanted).norm() <= 1e-5 * wanted.norm()


@pytest.mark.parametrize(("virtual_ranks", "everything"), [(2, False), (3, True), (6, False)])
def test_the_cached_gradient_is_that_of_one_graph_dropout_and_batch_norm_included(
    make_job, make_batches, virtual_ranks, everything
):
    gradients, losses = [], []
    for cache in (False, True):
        job = make_job(gradient_cache=cache, virtual_ranks=virtual_ranks, everything=everything)
        train = TrainStep(job, fresh_model(job, VOCABULARY))
        figures = train.run(0, make_batches(job, sound=everything)).figures
        losses.append([value for key, value in figures.items() if "cyclic" in key])
        gradients.append(train._buffer.gradients_P.clone())
    assert gradients[0].norm() > 0.1
    assert (gradients[1] - gradients[0]).norm() <= 1e-5 * gradients[0].norm()
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_running_statistics_move_once_a_step(make_job, make_batches):
    for cache in (False, True):
        model, _ = run_steps(make_batches, make_job(gradient_cache=cache), num_steps=3)
        counts = {int(b) for name, b in model.named_buffers() if name.endswith("tracked")}
        assert counts == {3}


def test_virtual_ranks_draw_their_own_dropout(make_job, make_batches):
    job = make_job()
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    batch = make_batches(job)[0]
    with torch.no_grad():
        first, again, other, later = (
            train._forward(step, rank, batch).cyclic.total.item()
            for step, rank in ((0, 0), (0, 0), (0, 1), (1, 0))
        )
    assert first == again
    assert len({first, other, later}) == 3


def test_steps_on_one_batch_learn_it(make_job, make_batches):
    job = make_job(steps=60, virtual_ranks=1, lr=1e-2, cyclic=0.1)
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    losses = [train.run(step, make_batches(job)).mil_nce for step in range(40)]
    # Positives are counted twice in the denominator: the floor is log 2.
    assert losses[0] > 2.0
    assert 0.69 < losses[-1] < 0.5 * losses[0]


def test_a_gradient_is_clipped_to_the_norm_that_is_set(make_job, make_batches):
    job = make_job(grad_clip=0.01)
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    result = train.run(0, make_batches(job))
    assert result.figures["train/grad_norm"] > 0.01
    assert train._buffer.gradients_P.norm().item() == pytest.approx(0.01, rel=1e-4)


def poisoned(model, value=float("nan")):
    """Give a weight of the text tower a value that makes the loss no number."""
    with torch.no_grad():
        model.text.fc2.bias[0] = value


def test_a_loss_that_is_not_finite_leaves_everything_alone(make_job, make_batches):
    job = make_job(max_skipped=1)
    model = fresh_model(job, VOCABULARY)
    train = TrainStep(job, model)
    train.run(0, make_batches(job))
    poisoned(model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    result = train.run(1, make_batches(job, 1))
    assert result.skipped
    assert result.figures == {"train/skipped": 1.0, "train/lr": learning_rate(job.training, 1)}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor.nan_to_num(7.0), before[name].nan_to_num(7.0)), name
    assert all(int(state["step"]) == 1 for state in train.optimizer.state.values())
    with pytest.raises(NonFiniteLoss, match=r"step 3: .*training\.lr"):
        train.run(2, make_batches(job, 2))


def test_a_skipped_step_is_as_if_it_had_not_been(make_job, make_batches):
    """Neither weights nor moments nor running statistics know of it."""
    job = make_job()
    states = []
    for skipped in (False, True):
        model = fresh_model(job, VOCABULARY)
        train = TrainStep(job, model)
        train.run(0, make_batches(job))
        if skipped:
            weight = model.text.fc2.bias[0].item()
            poisoned(model, float("inf"))
            assert train.run(1, make_batches(job, 1)).skipped
            poisoned(model, weight)
        assert not train.run(2, make_batches(job, 2)).skipped
        assert train.skips.in_a_row == 0
        states.append(model.state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name


def test_the_rows_with_embeddings_that_are_no_numbers_are_suspected(
    make_job, make_batches, monkeypatch
):
    job = make_job()
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    batches = make_batches(job)
    bad = int(batches[1].rows_B[1])
    forward = train.objectives.forward

    def one_bad(batch, **options):
        output = forward(batch, **options)
        video_BD = output.video_BD.masked_fill((batch.rows_B == bad).unsqueeze(1), torch.inf)
        return output._replace(video_BD=video_BD)

    monkeypatch.setattr(train.objectives, "forward", one_bad)
    assert train.run(0, batches).rows == (bad,)


def test_only_steps_in_a_row_add_up(make_job, make_batches):
    job = make_job(max_skipped=1)
    model = fresh_model(job, VOCABULARY)
    train = TrainStep(job, model)
    weight = model.text.fc2.bias[0].item()
    for step in range(0, 6, 2):
        poisoned(model)
        assert train.run(step, make_batches(job)).skipped
        poisoned(model, weight)
        assert not train.run(step + 1, make_batches(job)).skipped


def test_figures_tell_right_pairs_from_wrong_ones_as_they_are_learned(make_job, make_batches):
    job = make_job(steps=60, virtual_ranks=1, lr=1e-2, cyclic=0.0, figures_every=20)
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    figures = [train.run(step, make_batches(job)).figures for step in range(40)]
    assert [n for n, one in enumerate(figures, 1) if "train/recall_at_1" in one] == [20, 40]
    last = figures[-1]
    assert last["train/positive_logit"] > last["train/negative_logit"]
    assert last["train/recall_at_1"] == last["train/recall_at_5"] == 1.0


def test_a_wish_to_stop_reaches_the_result(make_job, make_batches):
    job = make_job()
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    assert not train.run(0, make_batches(job)).stop
    assert train.run(1, make_batches(job), stop=True).stop
