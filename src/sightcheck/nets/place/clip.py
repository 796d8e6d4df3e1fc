"""CLIP's image tower as timm has it, exported: for where its hub can be reached and the package index has no wheel."""

from sightcheck.errors import BrokenInstallation
from sightcheck.nets.export import to_onnx

NAME = "vit_base_patch16_clip_224.openai"


def exported(pretrained: bool = True) -> bytes:
    """ONNX bytes: (n, 3, 224, 224) standardised pixels -> (n, 512).

    Raises BrokenInstallation when the weights cannot be fetched.
    """
    import timm

    try:
        net = timm.create_model(NAME, pretrained=pretrained)
    except Exception as error:  # the hub's client raises errors of many kinds
        raise BrokenInstallation(f"the hub's weights of {NAME} could not be fetched ({type(error).__name__})") from None
    return to_onnx(net, (2, 3, 224, 224))[0]
