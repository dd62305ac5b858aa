"""Block formats as frozen data: elements that share a scale."""

from dataclasses import dataclass, field

from msdnum._checks import check_integer, check_type
from msdnum._registry import Registry
from msdnum.display import html
from msdnum.display.text import one_line
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
    TableFormat,
)
from msdnum.formats.modes import ScaleRule
from msdnum.formats.scale_searches import ScaleSearch

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
    source : str
        Who defines the format, and where; as for `FloatFormat`.
    rows : int
        Rows that share the scale, too, where blocks have two dimensions: 128 beside a block size of
        128 for tiles of 128 x 128. They lie along the other of the last two axes.
    search : ScaleSearch, optional
        In place of the rule: of several scales, each block has the one whose elements err least.

    Raises
    ------
    TypeError
        If a field is not of its type.
    ValueError
        If the block size is not positive, the element has no zero or no sign, the scale no NaN,
        the rule cannot give scales of that format, there is a tensor scale beside E8M0, or the
        search does not suit the scale.

    Notes
    -----
    Source: OCP MX v1.0, table 1; NVFP4 as in NVIDIA's public description (block 16, E4M3 scale,
    binary32 tensor scale).

    Examples
    --------
    >>> from dataclasses import replace
    >>> from msdnum import BLOCK_FORMATS, ScaleRule, quantize
    >>> mxfp4 = BLOCK_FORMATS["MXFP4"]
    >>> mxfp4
    BlockFormat('MXFP4', element=E2M1, scale=E8M0, block_size=32, rule=FLOOR)
    >>> covering = replace(mxfp4, name="covering", block_size=4, rule=ScaleRule.CEIL)
    >>> quantize(np.float32([7, 1, 0, 0]), covering).dequantize()
    array([8., 1., 0., 0.], dtype=float32)
    """

    name: str
    element: ElementFormat
    scale: FloatFormat
    block_size: int | None
    rule: ScaleRule
    tensor_scale: bool = False
    source: str = field(default="", compare=False)
    rows: int = 1
    search: ScaleSearch | None = None

    def __post_init__(self) -> None:
        """Refuse combinations that mean nothing."""
        self._check_types()
        if self.block_size is not None and self.block_size < 1:
            raise ValueError(f"block_size must be positive or None, got {self.block_size}")
        if self.rows < 1:
            raise ValueError(f"rows must be positive, got {self.rows} for {self.name!r}")
        if isinstance(self.element, TableFormat) and not self.element.has_zero:
            self._check_no_zero()
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

        if self.search is not None:
            self._check_search(self.search)

    def _check_search(self, search: ScaleSearch) -> None:
        check_type("search", search, ScaleSearch, self.name)
        if search.divisors is not None and self.scale == E8M0:
            raise ValueError(f"search must be of every scale with E8M0, got {search}")
        if search.divisors is None and self.scale.bits > 8:
            raise ValueError(
                f"search must have divisors for scales of more than 8 bits, got {self.scale.name} "
                f"for {self.name!r}"
            )
        if search.largest_scale is not None and not self.tensor_scale:
            raise ValueError(
                f"largest_scale must be None without a tensor scale, got {search.largest_scale} "
                f"for {self.name!r}"
            )

    def _check_no_zero(self) -> None:
        """Refuse E8M0, which has no scale 0 to stand in for the zero that the element lacks."""
        if self.scale == E8M0:
            raise ValueError(
                f"scale must have a zero where the element has none, got {self.scale.name} with "
                f"{self.element.name} for {self.name!r}"
            )

    def _check_types(self) -> None:
        check_type("name", self.name, str, self.name)
        check_type("element", self.element, ElementFormat, self.name)
        check_type("scale", self.scale, FloatFormat, self.name)
        if self.block_size is not None:
            check_integer("block_size", self.block_size, self.name)
        check_integer("rows", self.rows, self.name)
        check_type("rule", self.rule, ScaleRule, self.name)
        check_type("tensor_scale", self.tensor_scale, bool, self.name)
        check_type("source", self.source, str, self.name)

    __repr__ = one_line

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "element", "scale", "block_size", "rows", "rule", "search", "tensor_scale",
            "source",
        )  # fmt: skip


MX = "OCP MX v1.0, table 1"
MXFP4 = BlockFormat("MXFP4", E2M1, E8M0, 32, ScaleRule.FLOOR, source=MX)
MXFP6_E2M3 = BlockFormat("MXFP6_E2M3", E2M3, E8M0, 32, ScaleRule.FLOOR, source=MX)
MXFP6_E3M2 = BlockFormat("MXFP6_E3M2", E3M2, E8M0, 32, ScaleRule.FLOOR, source=MX)
MXFP8_E4M3 = BlockFormat("MXFP8_E4M3", E4M3, E8M0, 32, ScaleRule.FLOOR, source=MX)
MXFP8_E5M2 = BlockFormat("MXFP8_E5M2", E5M2, E8M0, 32, ScaleRule.FLOOR, source=MX)
MXINT8 = BlockFormat("MXINT8", MXINT8_ELEMENT, E8M0, 32, ScaleRule.FLOOR, source=MX)
NVFP4 = BlockFormat(
    "NVFP4", E2M1, E4M3, 16, ScaleRule.AMAX, tensor_scale=True,
    source="NVIDIA, Pretraining Large Language Models with NVFP4 (2025), appendix B",
)  # fmt: skip
AMAX = "paper, section 3: scale amax / max_integer"
INT8_ROW = BlockFormat("INT8_ROW", INT8_SYMMETRIC, BINARY32, None, ScaleRule.AMAX, source=AMAX)
INT8_GROUP = BlockFormat("INT8_GROUP", INT8_SYMMETRIC, BINARY32, 128, ScaleRule.AMAX, source=AMAX)
INT4_GROUP = BlockFormat("INT4_GROUP", INT4, BINARY32, 128, ScaleRule.AMAX, source=AMAX)

BLOCK_FORMATS: Registry[BlockFormat] = Registry.of(
    "BLOCK_FORMATS",
    (
        MXFP4, MXFP6_E2M3, MXFP6_E3M2, MXFP8_E4M3, MXFP8_E5M2, MXINT8, NVFP4,
        INT8_ROW, INT8_GROUP, INT4_GROUP,
    ),
)  # fmt: skip
"""The block formats of the package, by name."""
