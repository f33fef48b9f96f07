"""The networks of condensation papers. Each has ``forward`` for logits and ``embed`` for features."""

from __future__ import annotations

from dcbench.toolbox.networks.convnet import ConvNet
from dcbench.toolbox.networks.densenet import DenseNet
from dcbench.toolbox.networks.layers import Conv2d, HeConv2d, Norm, norm_layer, reset_parameters
from dcbench.toolbox.networks.resnet import ResNet

__all__ = ["Conv2d", "ConvNet", "DenseNet", "HeConv2d", "Norm", "ResNet", "norm_layer", "reset_parameters"]
