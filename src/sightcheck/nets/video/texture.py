"""How are the ten classifiers of LDP-TOP trained? A perceptron for each part and pre-processing (4.4.1)."""

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sightcheck.video.person.texture import Textures

Matrix = NDArray[np.float32]
Labels = NDArray[np.bool_]
Layers = list[tuple[Matrix, Matrix]]

HIDDEN = (100, 100, 50, 25)
"""The input layer "returns an output vector of 100 elements", then come hidden layers of 100, 50 and 25."""
EPOCHS, PATIENCE = 300, 10
LEAST = 0.1
"""Fewest clips of each class, as a share, that must show a part: fewer would only teach whom they are pictures of."""


class Perceptrons(nn.Module):
    """(n, 10, 3072) LDP-TOP -> (n, 10) P(synthetic): ten perceptrons side by side."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.weights = nn.ParameterList([torch.from_numpy(weight) for weight, _ in layers])  # (10, in, out)
        self.biases = nn.ParameterList([torch.from_numpy(bias[:, None]) for _, bias in layers])  # (10, 1, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 10, 3072) -> (n, 10)."""
        x = x.transpose(0, 1)  # (10, n, 3072)
        for at, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(x, weight) + bias
            x = torch.relu(x) if at < len(HIDDEN) else torch.sigmoid(x)
        return x.squeeze(2).transpose(0, 1)  # (n, 10)


def train(
    clips: Sequence[Textures],
    synthetic: Labels,
    validation: tuple[Sequence[Textures], Labels] | None = None,
    seed: int = 0,
) -> Perceptrons:
    """Sequences of clips (n) with labels (n,) -> the ten perceptrons; one whose part a class hardly shows says 0.5.

    Each learns from the sequences that show its part, from shares as they are: measured, a scale changed nothing. Those
    of the rarer class are repeated until the classes weigh alike. It stops after 10 epochs without a lower loss: on the
    validation clips, or on its own where there are none. Batches and weight decay, not stated, are scikit-learn's.
    """
    shown = np.array([one.present.any(0) for one in clips])  # (n, 5)
    enough = np.all([shown[synthetic == side].mean(0) >= LEAST for side in (False, True)], axis=0)
    nets = [
        _one(_rows(clips, synthetic, at), None if validation is None else _rows(*validation, at), seed + at)
        if enough[at % len(enough)]
        else _nothing(clips[0].vectors.shape[2])
        for at in range(clips[0].vectors.shape[1])
    ]
    layers = [tuple(zip(*layer, strict=True)) for layer in zip(*nets, strict=True)]
    return Perceptrons([(np.stack(weights), np.stack(biases)) for weights, biases in layers]).eval()


def parameters(net: Perceptrons) -> int:
    """How many numbers were learnt."""
    return sum(one.numel() for one in net.parameters())


def _rows(clips: Sequence[Textures], synthetic: Labels, at: int) -> tuple[Matrix, Labels]:
    """The vectors of one part and pre-processing in all sequences that show it, and their labels."""
    seen = [one.present[:, at % one.present.shape[1]] for one in clips]
    rows = [one.vectors[there, at] for one, there in zip(clips, seen, strict=True)]
    return np.concatenate(rows), np.repeat(synthetic, [len(one) for one in rows])


def _one(taught: tuple[Matrix, Labels], checked: tuple[Matrix, Labels] | None, seed: int) -> Layers:
    """Rows and labels -> weights and biases of each layer of one perceptron."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    rows, labels = taught
    order = _balanced(labels, seed)
    draw = np.random.RandomState(seed)  # a plain seed would shuffle every partial_fit alike
    model = MLPClassifier(HIDDEN, max_iter=EPOCHS, n_iter_no_change=PATIENCE, tol=0.0, random_state=draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 300 epochs are the recipe
        if checked is None or len(set(checked[1].tolist())) < 2:
            model.fit(rows[order], labels[order])
        else:
            return _validated(model, rows[order], labels[order], *checked)
    return _layers(model)


def _validated(model: Any, rows: Matrix, labels: Labels, checked: Matrix, truth: Labels) -> Layers:
    """The layers of the epoch with the lowest validation loss."""
    from sklearn.metrics import log_loss

    best, kept, waited = np.inf, _nothing(rows.shape[1]), 0
    for _ in range(EPOCHS):
        model.partial_fit(rows, labels, classes=[False, True])
        loss = log_loss(truth, model.predict_proba(checked)[:, 1])
        waited = 0 if loss < best else waited + 1
        if loss < best:
            best, kept = loss, _layers(model)
        if waited == PATIENCE:
            break
    return kept


def _nothing(length: int) -> Layers:
    """The layers of a perceptron that always says 0.5, and so has no vote."""
    sides = (length, *HIDDEN, 1)
    return [(np.zeros((a, b), np.float32), np.zeros(b, np.float32)) for a, b in itertools.pairwise(sides)]


def _layers(model: Any) -> Layers:
    return [
        (weight.astype(np.float32), bias.astype(np.float32))
        for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)
    ]


def _balanced(labels: Labels, seed: int) -> NDArray[np.intp]:
    """Row numbers in which both classes are equally frequent: all rows, and some of the rarer class again."""
    sides = [np.flatnonzero(labels == side) for side in (False, True)]
    most = max(map(len, sides))
    draw = np.random.default_rng(seed)
    again = [draw.choice(side, most - len(side), replace=most > 2 * len(side)) for side in sides]
    return np.concatenate([*sides, *again])
