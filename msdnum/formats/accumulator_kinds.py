"""Accumulators: what products are added into, as frozen data.

Every accumulator starts at +0, or at a c that it is given, and takes the products in the order of
k. What each computes is the whole definition: no tile size, thread or backend enters it.
"""

from dataclasses import dataclass, field, replace
from enum import Enum, unique
from typing import ClassVar, TypeAlias

from msdnum.display import html
from msdnum.formats.chained_units import OwnUnit
from msdnum.formats.elements import BINARY32, FP16, ElementFormat, FloatFormat
from msdnum.formats.own_units import Pairwise, Sequential, check_divides, check_range

__all__ = [
    "Accumulator", "AnyAccumulator", "Blocks", "Cdna3Unit", "Exact", "FusedUnit", "GroupedUnit",
    "Int32", "Int32Overflow", "MatrixUnit", "PairwiseUnit",
]  # fmt: skip


@unique
class Int32Overflow(Enum):
    """What an int32 accumulator does where the sum does not fit."""

    REFUSE = "a k that could overflow is an error, before anything runs"
    SATURATE = "the sum of each group of products is added and clamped to the int32 range"
    WRAP = "the sum is taken modulo 2**32"


@dataclass(frozen=True)
class Exact(html.Shown):
    """The exact sum of the products, rounded once to binary32 (RNE).

    Of integers: the exact integer, converted to binary32 when it is scaled.
    """

    name: ClassVar[str] = "EXACT"
    output: ClassVar[FloatFormat] = BINARY32
    takes: ClassVar[tuple[ElementFormat, ...]] = ()


@dataclass(frozen=True)
class Int32(html.Shown):
    """An integer sum in 32 bits, of integer elements.

    Parameters
    ----------
    overflow : Int32Overflow
        What happens where it does not fit.
    group : int
        Products summed exactly before SATURATE clamps: the k of one instruction. A product refuses
        one whose sum could overflow.

    Notes
    -----
    Source: PTX ISA, ``mma`` with ``.s32`` wraps and with ``.satfinite`` saturates; CANN documents
    saturation for Ascend.
    """

    overflow: Int32Overflow = Int32Overflow.REFUSE
    group: int = 32
    output: ClassVar[FloatFormat] = BINARY32
    takes: ClassVar[tuple[ElementFormat, ...]] = ()

    def __post_init__(self) -> None:
        """Refuse an empty group."""
        if not isinstance(self.overflow, Int32Overflow):
            raise TypeError(f"overflow must be an Int32Overflow, got {self.overflow!r}")
        check_range("group", self.group, 1)

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"INT32_{self.overflow.name}"


@dataclass(frozen=True)
class Blocks(html.Shown):
    """Each block of k is summed from zero by ``inner``; the block sums are added in binary32.

    ``c = fl(c + s_0)``, then ``s_1``, ...: with EXACT as ``inner`` each s is the block's exact sum
    rounded to binary32, with SEQUENTIAL a float32 partial sum, with a matrix unit the partial sum
    that software promotes. The last block may be shorter.

    With several ``rounds`` a block's products are taken pair after pair in turn: round r has those
    with ``k // 2 % rounds == r``, in the order of k, and ``inner`` starts each but the first from
    what the one before has left. With the output FP16, c is an FP16 number: the block sums, which
    are such, are added in FP16 (RNE, overflow to Inf).

    Parameters
    ----------
    size : int
        Products in a block.
    inner : Accumulator
        What sums a block; neither Int32 nor Blocks.
    rounds : int
        They divide the pairs of a block.
    output : FloatFormat
        BINARY32, or FP16 as that of ``inner``.
    """

    size: int
    inner: "Accumulator"
    rounds: int = field(default=1, repr=False)
    output: FloatFormat = field(default=BINARY32, repr=False)

    def __post_init__(self) -> None:
        """Refuse an empty block and an inner accumulator without a binary32 sum."""
        check_range("size", self.size, 1)
        if not isinstance(self.inner, AnyAccumulator):
            raise TypeError(f"inner must be an Accumulator, got {self.inner!r}")
        if isinstance(self.inner, Int32 | Blocks):
            raise ValueError(f"inner must not be Int32 or Blocks, got {self.inner.name}")
        check_range("rounds", self.rounds, 1)
        if self.rounds > 1 and self.size % (2 * self.rounds):
            raise ValueError(f"rounds must divide the pairs of {self.size}, got {self.rounds}")
        if self.output not in (BINARY32, self.inner.output):
            raise ValueError(
                f"output must be BINARY32 or that of {self.inner.name}, got {self.output.name}"
            )

    @property
    def name(self) -> str:
        """Name in tables."""
        rounds = f"_IN_{self.rounds}" if self.rounds > 1 else ""
        return f"BLOCKS_{self.size}{rounds}_{self.inner.name}"

    @property
    def takes(self) -> tuple[ElementFormat, ...]:
        """Formats of elements that ``inner`` takes."""
        return self.inner.takes


@dataclass(frozen=True)
class MatrixUnit(html.Shown):
    """Products aligned to the largest exponent of a group and of the accumulator, and truncated.

    One step takes ``group`` products, c the accumulator. The exponent of a product is the sum of
    its elements' (and E8M0 scales') exponents, not normalized: its significand is below 4. A
    subnormal element has its format's emin; an element times an E4M3 scale counts as one number,
    without an emin. A subnormal c has -126, a zero c or product ``exponent_of_zero``. With E the
    largest of these exponents, every addend is truncated to a multiple of
    ``2**(E - fraction_bits)``, the sum is exact, and c becomes the sum truncated to
    ``result_bits`` fraction bits, below 2**-126 to a multiple of ``2**(-126 - result_bits)``. A
    zero is +0, whatever was truncated.

    With FP16 as ``output`` c is an FP16 number after every step, as where the D of an instruction
    is FP16 and so is its C: a subnormal c has the exponent -14, and the exact sum of the truncated
    addends is rounded once, to the nearest FP16 number (RNE, overflow to Inf, a zero +0).

    Parameters
    ----------
    name : str
        Name in tables.
    group : int
        Products in a step; below ``2**(37 - fraction_bits)``, and below 4096 from 25 bits on.
    fraction_bits : int
        Below the largest exponent; 1 to 40.
    result_bits : int
        Fraction bits of a binary32 c; 1 to 23.
    exponent_of_zero : int
        -300, below all products, to the exponent of subnormal accumulators, -126 or -14.
    source : str
        Where the model comes from. ``replace`` keeps it: name another beside other numbers.
    takes : tuple of ElementFormat
        Formats of elements of its instruction; others are refused. Empty: any that it can hold.
    instruction : str
        The instruction that it is a model of.
    scales : tuple of (FloatFormat, int)
        Formats of scales, and elements for each, that its instruction takes; others are refused.
        Empty: any, and none.
    output : FloatFormat
        BINARY32 or FP16: what c is after every step.
    """

    name: str
    group: int
    fraction_bits: int
    result_bits: int = 23
    exponent_of_zero: int = -126
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)
    scales: tuple[tuple[FloatFormat, int], ...] = field(default=(), repr=False)
    output: FloatFormat = field(default=BINARY32, repr=False)

    def __post_init__(self) -> None:
        """Refuse what an int32 and 23 bits below it could not hold: products are below 4, c 2."""
        check_range("fraction_bits", self.fraction_bits, 1, 40)
        check_range("result_bits", self.result_bits, 1, 23)
        check_range("group", self.group, 1, 2 ** (37 - min(self.fraction_bits, 25)) - 1)
        if self.output not in (BINARY32, FP16):
            raise ValueError(f"output must be BINARY32 or FP16, got {self.output!r}")
        check_range("exponent_of_zero", self.exponent_of_zero, -300, self.output.emin)

    def with_output(self, output: FloatFormat) -> "MatrixUnit":
        """Return the unit with another output, its zero as far below the subnormal numbers."""
        moved = output.emin - self.output.emin
        return replace(self, output=output, exponent_of_zero=self.exponent_of_zero + moved)


@dataclass(frozen=True)
class GroupedUnit(html.Shown):
    """Exact sums of ``exact`` element products, then aligned by the exponents of their scales.

    A step takes ``group`` products. The sum of each ``exact`` of them, without scales, is exact;
    its exponent is that of its two block scales alone, even where products cancel to zero. Where
    all products are zeros it is ``exponent_of_zero``, as that of a zero c. E is the largest of
    these and c's; addends are truncated to multiples of ``2**(E - fraction_bits)`` and summed
    exactly; c becomes the sum truncated to binary32, a zero +0. Operands are E2M1 with block scales
    (E8M0 or E4M3) whose blocks the exact groups do not straddle.

    Parameters
    ----------
    name : str
        Name in tables.
    group : int
        Products in a step; at most 512, a multiple of ``exact``.
    exact : int
        At most 16.
    fraction_bits : int
        20 to 35.
    exponent_of_zero : int
        -300, below all products, to -126, of subnormal accumulators.
    source : str
        Where the model comes from. ``replace`` keeps it: name another beside other numbers.
    takes : tuple of ElementFormat
        Formats of elements of its instruction; others are refused. Empty: any that it can hold.
    instruction : str
        The instruction that it is a model of.
    scales : tuple of (FloatFormat, int)
        Formats of scales, and elements for each, that its instruction takes; others are refused.
        Empty: any, and none.

    Notes
    -----
    Both versions of MMA-Sim have the exponent of products that cancel; no recorded result of
    hardware is known that tells.
    """

    name: str
    group: int
    exact: int
    fraction_bits: int
    exponent_of_zero: int = -126
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)
    scales: tuple[tuple[FloatFormat, int], ...] = field(default=(), repr=False)
    output: ClassVar[FloatFormat] = BINARY32

    def __post_init__(self) -> None:
        """Refuse what an int32 and 20 bits below it could not hold: products are below 127."""
        check_range("exact", self.exact, 1, 16)
        check_range("fraction_bits", self.fraction_bits, 20, 35)
        check_range("group", self.group, 1, 512)
        check_divides("exact", self.exact, self.group)
        check_range("exponent_of_zero", self.exponent_of_zero, -300, -126)


@dataclass(frozen=True)
class Cdna3Unit(html.Shown):
    """Products summed first, then added to the accumulator, each rounded down; RNE at the end.

    A step takes ``group`` products in ``parts`` interleaved parts (part p: k = p, p + parts, ...).
    In each part products are truncated to multiples of ``2**(e - fraction_bits)``, e the largest
    exponent of the part's products (as in `MatrixUnit`; zeros have none), and summed exactly. The
    part sums are rounded down to multiples of ``2**(e' - fraction_bits)``, e' the largest of the
    parts', and added. With E the larger of e' and c's exponent, -126 for a subnormal or zero c, the
    sum is rounded down to a multiple of ``2**(E - sum_bits - 1)`` and c to one of
    ``2**(E - fraction_bits)``. Their sum is rounded down to ``sum_bits`` fraction bits, below
    2**-126 to a multiple of ``2**(-126 - sum_bits)``, and then to binary32 (RNE): the new c, -0
    where a negative sum is rounded to zero. A product of 2**128 or more is an infinity.

    Parameters
    ----------
    name : str
        Name in tables.
    group : int
        Products in a step; at most 16, and at most 15 for 25 fraction bits.
    parts : int
        Interleaved parts; they divide the group.
    fraction_bits : int
        2 to 25.
    sum_bits : int
        ``fraction_bits`` to 31.
    drops_accumulator : bool
        Whether c counts as zero where its exponent is below ``E - fraction_bits - 1``, so that a
        tiny negative c is not rounded down to a whole unit.
    source : str
        Where the model comes from. ``replace`` keeps it: name another beside other numbers.
    takes : tuple of ElementFormat
        Formats of elements of its instruction; others are refused. Empty: any that it can hold.
    instruction : str
        The instruction that it is a model of.

    Notes
    -----
    MMA-Sim before 2 and MATLAB-tensor-core round the sum of products down to
    ``2**(E - sum_bits)`` and the whole sum but once.
    """

    name: str
    group: int
    parts: int
    fraction_bits: int = 24
    sum_bits: int = 31
    drops_accumulator: bool = False
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)
    output: ClassVar[FloatFormat] = BINARY32

    def __post_init__(self) -> None:
        """Refuse what an int32 could not hold: products are below 4, c is below 2."""
        check_range("fraction_bits", self.fraction_bits, 2, 25)
        check_range("sum_bits", self.sum_bits, self.fraction_bits, 31)
        check_range("group", self.group, 1, min(16, 2 ** (29 - self.fraction_bits) - 1))
        check_range("parts", self.parts, 1)
        check_divides("parts", self.parts, self.group)


@dataclass(frozen=True)
class FusedUnit(html.Shown):
    """``c = fl(c + a_0 b_0 + a_1 b_1 + ...)`` over a group: the exact sum, rounded once (RNE).

    Emulated in binary64, which JAX has only when told so.
    """

    name: str
    group: int
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)
    output: ClassVar[FloatFormat] = BINARY32

    def __post_init__(self) -> None:
        """Refuse a group that is not small."""
        check_range("group", self.group, 1, 8)


@dataclass(frozen=True)
class PairwiseUnit(html.Shown):
    """Groups of products added pairwise, then to c, in binary32 RNE; subnormals become zeros.

    Subnormal numbers of BF16 and FP16 count as +0, and so does a subnormal c; a subnormal product
    or sum becomes a zero of its sign. Elements of fewer bits count as converted to BF16, where they
    are normal.
    """

    name: str
    group: int
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)
    output: ClassVar[FloatFormat] = BINARY32

    def __post_init__(self) -> None:
        """Refuse a group without a balanced tree."""
        check_range("group", self.group, 1)
        if self.group.bit_count() != 1:
            raise ValueError(f"group must be a power of two, got {self.group}")


Accumulator: TypeAlias = (
    Exact
    | Int32
    | Sequential
    | Pairwise
    | Blocks
    | MatrixUnit
    | GroupedUnit
    | Cdna3Unit
    | PairwiseUnit
    | OwnUnit
)
"""Those that float32 arithmetic computes: all but CDNA1's, as in ``ACCUMULATORS``."""
AnyAccumulator: TypeAlias = Accumulator | FusedUnit
"""All, as in ``ALL_ACCUMULATORS``."""
