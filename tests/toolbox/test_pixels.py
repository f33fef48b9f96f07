from __future__ import annotations

import torch
from support.fake_gpu import GPU, Sent, fake_gpu

from dcbench.toolbox.pixels import Normaliser


def test_images_go_to_a_gpu_as_bytes() -> None:
    pixels = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    with fake_gpu():
        normaliser = Normaliser((0.4, 0.5, 0.6), (0.2, 0.2, 0.2), GPU)
        with Sent() as sent:
            images = normaliser.normalise(pixels)
    assert (images.device.type, images.dtype) == ("cuda", torch.float32)
    assert sent.types == [torch.uint8]
