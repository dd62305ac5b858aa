"""Workloads: products of activations and quantized weights, by their sizes."""

from dataclasses import dataclass
from fractions import Fraction

from msdnum.display import html

__all__ = ["Attention", "Gemm", "Rational", "Workload", "check_count", "check_nonnegative"]

Rational = Fraction | int


def check_count(**counts: int) -> None:
    """Raise ValueError, naming the argument, unless all are positive integers."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name} must be a positive integer, got {count!r}")


def check_nonnegative(**numbers: Rational) -> None:
    """Raise ValueError, naming the argument, unless all are exact and not negative."""
    for name, number in numbers.items():
        if not isinstance(number, Fraction | int) or number < 0:
            raise ValueError(f"{name} must be a nonnegative integer or Fraction, got {number!r}")


@dataclass(frozen=True)
class Gemm(html.Shown):
    """``count`` products of activations (m, k) and quantized weights (k, n).

    Parameters
    ----------
    m, k, n : int
        Rows of the activations, inner length, columns.
    count : int
        How many of them, each with weights of its own.
    input_bits, output_bits : int
        HBM bits of an activation and of a result; 0 where it stays on chip.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or a width negative.

    Examples
    --------
    >>> from msdnum.cost import Gemm
    >>> Gemm(m=16, n=4096, k=4096)
    Gemm(m=16, k=4096, n=4096, count=1, input_bits=16, output_bits=16)
    """

    m: int
    k: int
    n: int
    count: int = 1
    input_bits: int = 16
    output_bits: int = 16

    def __post_init__(self) -> None:
        """Refuse empty shapes."""
        check_count(m=self.m, k=self.k, n=self.n, count=self.count)
        check_nonnegative(input_bits=self.input_bits, output_bits=self.output_bits)

    @property
    def inputs(self) -> int:
        """Number of activations."""
        return self.count * self.m * self.k

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.count * self.k * self.n

    @property
    def outputs(self) -> int:
        """Number of results."""
        return self.count * self.m * self.n

    @property
    def operations(self) -> int:
        """Matrix operations of one pass, two for each multiply-add."""
        return 2 * self.count * self.m * self.k * self.n

    @property
    def gemms(self) -> tuple["Gemm", ...]:
        """Itself: a workload of one."""
        return (self,)


@dataclass(frozen=True)
class Attention(html.Shown):
    """The two GEMMs of attention over a quantized cache; softmax costs every method the same.

    Parameters
    ----------
    length : int
        Tokens in the cache, the paper's M.
    channels : int
        Of a head, the paper's d.
    batch : int
        Sequences, each with a cache of its own.
    heads : int
        Key and value heads.
    queries : int
        Query rows that share a key head: query tokens times query heads per key head.

    Raises
    ------
    ValueError
        If one is not a positive integer.
    """

    length: int
    channels: int
    batch: int = 1
    heads: int = 1
    queries: int = 1

    def __post_init__(self) -> None:
        """Refuse empty shapes."""
        check_count(
            length=self.length,
            channels=self.channels,
            batch=self.batch,
            heads=self.heads,
            queries=self.queries,
        )

    @property
    def gemms(self) -> tuple[Gemm, ...]:
        """Scores, then values; the softmax weights between them stay on chip."""
        count = self.batch * self.heads
        scores = Gemm(self.queries, self.channels, self.length, count, output_bits=0)
        values = Gemm(self.queries, self.length, self.channels, count, input_bits=0)
        return scores, values


Workload = Gemm | Attention
