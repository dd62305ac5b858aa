"""Block formats as frozen data: elements that share a scale."""

from dataclasses import dataclass

from msdnum.display import html
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    INT4,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
    FloatFormat,
)
from msdnum.formats.modes import ScaleRule

__all__ = [
    "BLOCK_FORMATS", "INT4_GROUP", "INT8_GROUP", "INT8_ROW", "MXFP4", "MXFP6_E2M3", "MXFP6_E3M2",
    "MXFP8_E4M3", "MXFP8_E5M2", "MXINT8", "NVFP4", "BlockFormat",
]  # fmt: skip


@dataclass(frozen=True)
class BlockFormat:
    """Elements that share a scale, block by block.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    element : ElementFormat
        Format of the elements.
    scale : FloatFormat
        Format of the shared scale: E8M0 (powers of two), or any float format that has a NaN, as
        E4M3 (NVFP4), FP16 and BINARY32.
    block_size : int or None
        Consecutive elements that share a scale; None: all along the axis (a row).
    tensor_scale : bool
        Whether a second, binary32 scale is shared by the whole tensor (NVFP4).
    rule : ScaleRule
        The scale rule used when the caller names none.

    Raises
    ------
    ValueError
        If the block size is not positive, the element has no zero or no sign, the scale no NaN,
        the rule cannot give scales of that format, or there is a tensor scale beside E8M0.

    Notes
    -----
    Source: OCP MX v1.0, table 1; NVFP4 as in NVIDIA's public description (block 16, E4M3 scale,
    binary32 tensor scale).
    """

    name: str
    element: ElementFormat
    scale: FloatFormat
    block_size: int | None
    rule: ScaleRule
    tensor_scale: bool = False

    def __post_init__(self) -> None:
        """Refuse combinations that mean nothing."""
        if self.block_size is not None and self.block_size < 1:
            raise ValueError(f"block_size must be positive or None, got {self.block_size}")
        if isinstance(self.element, FloatFormat) and not self.element.signed:
            raise ValueError(f"element must have a sign, got {self.element.name} for {self.name!r}")
        if self.scale.nan_code is None:
            raise ValueError(f"scale must have a NaN, got {self.scale.name} for {self.name!r}")
        if self.tensor_scale and self.scale == E8M0:
            raise ValueError(f"tensor_scale must be False with E8M0 scales, got {self.name!r}")
        if (self.scale == E8M0) == (self.rule is ScaleRule.AMAX):
            raise ValueError(
                f"rule must be AMAX exactly when the scale is not E8M0, "
                f"got {self.rule.name} with {self.scale.name} for {self.name!r}"
            )

    def _repr_html_(self) -> str:
        return html.attributes(self, "element", "scale", "block_size", "rule", "tensor_scale")


MXFP4 = BlockFormat("MXFP4", E2M1, E8M0, 32, ScaleRule.FLOOR)


MXFP6_E2M3 = BlockFormat("MXFP6_E2M3", E2M3, E8M0, 32, ScaleRule.FLOOR)


MXFP6_E3M2 = BlockFormat("MXFP6_E3M2", E3M2, E8M0, 32, ScaleRule.FLOOR)


MXFP8_E4M3 = BlockFormat("MXFP8_E4M3", E4M3, E8M0, 32, ScaleRule.FLOOR)


MXFP8_E5M2 = BlockFormat("MXFP8_E5M2", E5M2, E8M0, 32, ScaleRule.FLOOR)


MXINT8 = BlockFormat("MXINT8", MXINT8_ELEMENT, E8M0, 32, ScaleRule.FLOOR)


NVFP4 = BlockFormat("NVFP4", E2M1, E4M3, 16, ScaleRule.AMAX, tensor_scale=True)


INT8_ROW = BlockFormat("INT8_ROW", INT8_SYMMETRIC, BINARY32, None, ScaleRule.AMAX)


INT8_GROUP = BlockFormat("INT8_GROUP", INT8_SYMMETRIC, BINARY32, 128, ScaleRule.AMAX)


INT4_GROUP = BlockFormat("INT4_GROUP", INT4, BINARY32, 128, ScaleRule.AMAX)


BLOCK_FORMATS: dict[str, BlockFormat] = {
    fmt.name: fmt
    for fmt in (
        MXFP4, MXFP6_E2M3, MXFP6_E3M2, MXFP8_E4M3, MXFP8_E5M2, MXINT8, NVFP4,
        INT8_ROW, INT8_GROUP, INT4_GROUP,
    )
}  # fmt: skip
