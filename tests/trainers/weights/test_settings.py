import pytest
import torch

from configs.models import ModelConfig, S3DConfig, TextConfig
from trainers.weights.names import to_ours
from trainers.weights.settings import settings_of


def test_published_weights_give_the_published_settings(state):
    config = settings_of(to_ours(state), None)
    assert config.video == S3DConfig()
    assert config.text == TextConfig(kind="words", max_words=30, train_words=False, pads="counted")


def test_the_training_codes_stem_without_space_to_depth_is_told_by_its_shape(shapes):
    state = {name: torch.empty(shape) for name, shape in shapes(8, space_to_depth=False).items()}
    assert settings_of(to_ours(state), None).video == S3DConfig(space_to_depth=False)


def test_stored_settings_hold_instead(state):
    stored = ModelConfig(text=TextConfig(max_words=9)).model_dump(include={"video", "text"})
    assert settings_of(to_ours(state), stored).text.max_words == 9
    with pytest.raises(ValueError, match=r"video\.conv1\.conv1\.weight is \(64, 24, 2, 4, 4\)"):
        settings_of(
            to_ours(state),
            ModelConfig(video=S3DConfig(space_to_depth=False)).model_dump(include={"video"}),
        )


def test_one_tensor_too_few_too_many_or_of_another_shape_is_named(state):
    ours = to_ours(state)
    ours["video.strange"] = torch.zeros(1)
    del ours["video.gating.fc.bias"]
    ours["video.mixed_5c.conv_b0.bn1.weight"] = torch.zeros(5)
    with pytest.raises(ValueError, match="537 tensors") as raised:
        settings_of(ours, None)
    message = str(raised.value)
    assert "video.strange has no place" in message
    assert "video.gating.fc.bias is missing" in message
    assert "video.mixed_5c.conv_b0.bn1.weight is (5,), must be (384,)" in message


def test_something_else_altogether_is_refused_with_a_few_lines():
    with pytest.raises(ValueError, match=r"and \d+ more"):
        settings_of({"video.layer.weight": torch.zeros(3)}, None)
