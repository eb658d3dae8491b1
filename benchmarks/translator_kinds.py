"""One step of each kind of translator, at the sizes of the demo preset, in turn in one process.

    python -m benchmarks.translator_kinds [--repeats N]

A step translates video features into words and back, forward and backward, as the cyclic objective
does. Prints milliseconds of processor time, the least of the repeats, on one thread; how many times
those of the default kind; and the trained weights.
"""

import argparse
import time
from collections.abc import Callable
from typing import get_args

import torch

from configs.models import TranslatorConfig
from trainers.models.translator import Translator

CLIPS, STEPS, WORDS, VIDEO_WIDTH, WORD_WIDTH, HIDDEN = 64, 4, 24, 64, 64, 64
DEFAULT = TranslatorConfig().kind


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kinds = get_args(TranslatorConfig.model_fields["kind"].annotation)
    widths = {"video": VIDEO_WIDTH, "words": WORD_WIDTH}
    models = {
        kind: Translator(TranslatorConfig(kind=kind, hidden_dim=HIDDEN), widths) for kind in kinds
    }
    steps = {kind: _step(model) for kind, model in models.items()}
    least = dict.fromkeys(steps, float("inf"))
    for _ in range(options.repeats):
        for kind, step in steps.items():
            began = time.process_time()
            step()
            least[kind] = min(least[kind], time.process_time() - began)
    print(f"{'kind':12s} {'ms':>7s} {'of default':>11s} {'weights':>8s}")
    for kind, seconds in least.items():
        weights = sum(p.numel() for p in models[kind].parameters())
        print(f"{kind:12s} {1e3 * seconds:7.1f} {seconds / least[DEFAULT]:11.2f} {weights:8d}")


def _step(model: Translator) -> Callable[[], None]:
    video_BSC = torch.randn(CLIPS, STEPS, VIDEO_WIDTH)
    mask_BS = torch.ones(CLIPS, STEPS, dtype=torch.bool)
    mask_BL = torch.arange(WORDS) < torch.randint(4, 17, (CLIPS, 1))

    def step() -> None:
        model.zero_grad()
        guess_BLC = model(video_BSC, mask_BS, "video", "words", WORDS)
        back_BSC = model(guess_BLC, mask_BL, "words", "video", STEPS)
        (guess_BLC.square().mean() + back_BSC.square().mean()).backward()

    return step


if __name__ == "__main__":
    main()
