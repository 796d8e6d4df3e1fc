"""How does a trained network reach a machine without torch? ONNX with half-precision storage, checked on the way."""

import copy
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sightcheck import weights
from sightcheck.errors import BrokenInstallation

TOLERANCE = 1e-4
"""Largest difference between PyTorch's and ONNX Runtime's outputs, relative to the largest output above 1.

To it comes twice what PyTorch's own arithmetic loses against double precision: a barely trained network can amplify it.
"""


def to_onnx(
    net: nn.Module, shape: Sequence[int], outputs: Sequence[str] = ("output",)
) -> tuple[bytes, NDArray[np.float32]]:
    """Network, shape of one batch -> ONNX bytes with a free batch size, and PyTorch's output for the golden input.

    `outputs`: their names; of several the first is compared and returned.

    Weights of more than 1,024 numbers are rounded to half precision in the network itself first, so both run on the
    same numbers; the file holds them as float16 and casts them back when it is loaded.
    Raises BrokenInstallation when ONNX Runtime answers otherwise than PyTorch.
    """
    net = net.cpu().eval().float()
    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point() and value.numel() > 1024:
                value.copy_(value.half().float())
        given = weights.golden_input(tuple(shape))
        wanted = _first(net(torch.from_numpy(given))).numpy()
        exact = _first(copy.deepcopy(net).double()(torch.from_numpy(given).double())).numpy()
    network = _halved(_exported(net, shape, outputs))
    found = weights.session(network).run(None, {"input": given})[0]
    compare(found, wanted, exact)
    return network, wanted


def _first(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    return outputs if isinstance(outputs, torch.Tensor) else outputs[0]


def compare(found: NDArray[np.float32], wanted: NDArray[np.float32], exact: NDArray[np.float64]) -> None:
    """Outputs of ONNX Runtime, of PyTorch, and of PyTorch in double precision. Raises BrokenInstallation."""
    largest = max(1.0, float(np.abs(wanted).max()))
    worst, lost = (float(np.abs(one - wanted).max() / largest) for one in (found, exact))
    if not worst <= TOLERANCE + 2 * lost:  # also where it is not a number
        raise BrokenInstallation(
            f"the exported network differs from PyTorch's by {worst:.1e}; another version may agree"
        )


def _exported(net: nn.Module, shape: Sequence[int], outputs: Sequence[str]) -> bytes:
    """The network as ONNX, its batch size free."""
    example = torch.from_numpy(weights.golden_input((2, *shape[1:])))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        free = {0: torch.export.Dim("batch")}
        with open(os.devnull, "w") as nowhere, _quiet(nowhere):
            torch.onnx.export(
                net, (example,), path, input_names=["input"], output_names=list(outputs), dynamo=True,
                dynamic_shapes=(free,), external_data=False, opset_version=18, optimize=False, verbose=False,
            )  # fmt: skip
        return path.read_bytes()


def _quiet(nowhere: io.TextIOBase):  # type: ignore[no-untyped-def]
    import contextlib

    return contextlib.redirect_stdout(nowhere)


def _halved(network: bytes) -> bytes:
    """ONNX with every large float32 weight stored as float16 behind a cast."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(network)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 1024:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del graph.value_info[:]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
