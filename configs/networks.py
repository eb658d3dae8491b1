"""Networks for fusion on a task: a tower a modality, and what brings the towers together."""

from pydantic import Field

from configs.settings import Settings


class NetworksConfig(Settings):
    """Terms that early, late, tensor, low-rank and searched fusion and lone modalities share."""

    hidden_dim: int = Field(default=64, gt=0)
    """Width of the towers of vectors and sequences, and of the layer before the last."""

    image_channels: int = Field(default=8, gt=0)
    """Channels of the first layer of an image's tower, for each of the images that early fusion
    lays over one another; each layer doubles them."""

    tensor_dim: int = Field(default=16, gt=0)
    """Numbers of each modality that tensor fusion multiplies with those of all others."""

    rank: int = Field(default=8, gt=0)
    """Rank of low-rank fusion."""

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on vectors and sequences that come in, and around the layer before the last."""

    lr: float = Field(default=2e-3, gt=0)
    """Peak of the one-cycle learning rate of Adam."""

    weight_decay: float = Field(default=1e-4, ge=0)
    """Weight decay."""

    batch: int = Field(default=64, ge=1)
    """Examples in one step."""

    steps: int = Field(default=900, gt=0)
    """Steps of training, the same for tasks of all sizes."""

    validations: int = Field(default=15, gt=0)
    """How often in those steps the val split is looked at; the weights of the best are kept."""
