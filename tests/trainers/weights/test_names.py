from configs.models import S3DConfig, TextConfig
from trainers.models.s3d import S3D
from trainers.models.text import TextTower
from trainers.weights.names import to_ours, to_published, to_training


def test_the_published_layout_is_the_default_model_name_by_name_and_shape_by_shape(shapes):
    import torch

    published = shapes()
    assert len(published) == 537
    sizes = [torch.Size(shape).numel() for shape in published.values()]
    kinds = ("running_mean", "running_var", "num_batches_tracked")
    weights = [n for name, n in zip(published, sizes, strict=True) if not name.endswith(kinds)]
    assert sum(weights) == 31_211_336
    with torch.device("meta"):
        towers = {
            "video.": S3D(S3DConfig()),
            "text.": TextTower(TextConfig(), vocabulary=66250, embedding_dim=512),
        }
    ours = {
        prefix + name: tuple(tensor.shape)
        for prefix, tower in towers.items()
        for name, tensor in tower.state_dict().items()
    }
    assert to_published(ours) == published
    assert to_ours(published) == ours


def test_names_of_the_training_code_and_our_own_come_out_as_ours(shapes):
    published = shapes(space_to_depth=False)
    ours = to_ours(published)
    assert to_ours(to_training(ours)) == ours
    assert set(to_training(ours)) == {f"module.{name}" for name in published}
    assert to_ours(ours) == ours
    assert to_ours({}) == {}
