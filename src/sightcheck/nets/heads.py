"""What can be learned on top of the shared backbone as it is? Linear heads on its standardised features."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sightcheck.nets.export import to_onnx
from sightcheck.nets.place.country import class_weights

Values = NDArray[np.float32]


class Standard(nn.Module):
    """Features (n, d) less their mean, over their deviation, both of the training photos."""

    def __init__(self, features: Values) -> None:
        super().__init__()
        flat = features.reshape(-1, features.shape[-1])
        self.register_buffer("mean", torch.from_numpy(flat.mean(0)))
        self.register_buffer("scale", torch.from_numpy(1 / np.maximum(flat.std(0), 1e-3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d) -> (n, d)."""
        return (x - self.mean) * self.scale  # type: ignore[operator]


@dataclass(frozen=True)
class CountryHead:
    """Logistic regression on the shared backbone, the classes weighted as in equation 7.2.

    `strength`: inverse of the regularisation (scikit-learn's C) on standardised features.
    """

    strength: float = 0.003
    iterations: int = 100


def country(recipe: CountryHead, views: Values, classes: NDArray[np.intp], count: int) -> nn.Module:
    """Features (n, v, d) of v views a photo, classes (n,) of `count` -> network (m, d) -> (m, C) logits."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    standard = Standard(views)
    with torch.no_grad():
        x = standard(torch.from_numpy(views.reshape(-1, views.shape[-1]))).numpy()
    repeated = np.repeat(classes, views.shape[1])
    weights = class_weights(classes, count).numpy()[repeated]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of steps is a part of the recipe
        fitted = LogisticRegression(C=recipe.strength, max_iter=recipe.iterations).fit(x, repeated, weights)
    linear = nn.Linear(views.shape[-1], count)
    with torch.no_grad():
        for part, found in ((linear.weight, fitted.coef_), (linear.bias, fitted.intercept_)):
            both = np.stack([-found[0], found[0]]) / 2 if count == 2 else found  # of two classes one function is fitted
            part.copy_(torch.from_numpy(both))
    return nn.Sequential(standard, linear).eval()


def linear(coef: NDArray[np.float64], intercept: float) -> tuple[bytes, NDArray[np.float32]]:
    """(d,) and an intercept -> the network (n, d) -> (n, 1) in ONNX, and its golden output."""
    net = nn.Linear(len(coef), 1)
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(coef)[None])
        net.bias.fill_(intercept)
    return to_onnx(net, (2, len(coef)))


def outputs(net: nn.Module, features: Values) -> Values:
    """Network, features (..., d) -> (..., k) outputs."""
    with torch.no_grad():
        flat = torch.from_numpy(features.reshape(-1, features.shape[-1]))
        found: Values = net.eval()(flat).numpy()
    return found.reshape(*features.shape[:-1], found.shape[-1])
