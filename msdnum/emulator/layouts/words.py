"""Layouts of 4-bit codes in 32-bit words, in an order that is stated."""

from dataclasses import dataclass

from msdnum.emulator import backend
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings

__all__ = ["AWQ_WORDS", "GPTQ_WORDS", "WordLayout"]

COUNT = 8
"""Nibbles of a word."""


@dataclass(frozen=True)
class WordLayout:
    """Eight 4-bit codes in a 32-bit word.

    The codes are bits and nothing more. As GPTQ and AWQ store them they are unsigned, 0 to 15
    beside unsigned zero points; ``codes ^ 8`` and zero points less 8 are two's complement, as
    ``AsymmetricArray`` takes them.

    Parameters
    ----------
    name : str
        Name in messages.
    order : tuple of int
        Which of eight consecutive codes each nibble has, the lowest nibble first.
    axis : int
        The axis along which codes are packed.
    source : str
        Who defines it.

    Raises
    ------
    ValueError
        If the order is no permutation of 0 to 7.
    """

    name: str
    order: tuple[int, ...]
    axis: int = -1
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse an order that loses a code."""
        if sorted(self.order) != list(range(COUNT)):
            raise ValueError(
                f"order must have each of 0 to {COUNT - 1} once, got {self.order} for {self.name!r}"
            )

    @under_own_settings
    def read(self, words: Array) -> Array:
        """Return the codes of words, one in each byte.

        Parameters
        ----------
        words : Array of int32 or uint32
            As a checkpoint has them.

        Returns
        -------
        Array of uint8
            Eight times as long along ``axis``.

        Raises
        ------
        TypeError
            If they are not 32-bit integers.
        ValueError
            If there is no such axis.
        """
        words = as_array(words, "words")
        backend.check_array(words, "words", ("int32", "uint32"))
        self._check_axis(words, "words")
        return _codes_of(words, layout=self)

    @under_own_settings
    def write(self, codes: Array) -> Array:
        """Undo ``read``; the words are int32, as checkpoints have them.

        Raises
        ------
        TypeError
            If codes are not uint8.
        ValueError
            If there is no such axis, it is not divisible by eight, or a code is above 15.
        """
        codes = as_array(codes, "codes")
        backend.check_array(codes, "codes", ("uint8",))
        self._check_axis(codes, "codes")
        if codes.shape[self.axis] % COUNT:
            raise ValueError(
                f"codes must have an axis {self.axis} divisible by {COUNT}, got {codes.shape}"
            )
        largest = 0 if backend.is_traced(codes) else int(backend.readable(codes).max())
        if largest > 15:
            raise ValueError(f"codes must be in 0..15, got {largest}")
        return _words_of(codes, layout=self)

    def _check_axis(self, x: Array, name: str) -> None:
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"{name} must have an axis {self.axis}, got shape {x.shape}")


@compiled_whole
def _codes_of(words: Array, *, layout: WordLayout) -> Array:
    xp = backend.namespace(words)
    moved = _moved(words, layout.axis).view("uint32")
    place = [layout.order.index(i) for i in range(COUNT)]
    codes = [(moved >> (4 * i) & 15).astype("uint8") for i in place]
    found = xp.stack(codes, axis=-1).reshape(*moved.shape[:-1], -1)
    return xp.moveaxis(found, -1, layout.axis)


@compiled_whole
def _words_of(codes: Array, *, layout: WordLayout) -> Array:
    moved = _moved(codes, layout.axis)
    words = sum(
        moved[..., code::COUNT].astype("uint32") << (4 * place)
        for place, code in enumerate(layout.order)
    )
    return backend.namespace(codes).moveaxis(words.view("int32"), -1, layout.axis)


def _moved(x: Array, axis: int) -> Array:
    """Return ``x`` with the axis that is packed as its last."""
    xp = backend.namespace(x)
    moved = xp.moveaxis(x, axis, -1)
    return moved if backend.is_jax(x) else xp.ascontiguousarray(moved)


GPTQ_WORDS = WordLayout(
    "GPTQ", tuple(range(COUNT)), axis=0, source="AutoGPTQ, qweight of 4 bits: (k / 8, n)"
)
AWQ_WORDS = WordLayout(
    "AWQ", (0, 2, 4, 6, 1, 3, 5, 7), source="AutoAWQ, WQLinear_GEMM: qweight (k, n / 8)"
)
