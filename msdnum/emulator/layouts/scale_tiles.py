"""Layout of scales in tiles of 128 rows and 4 columns, as cuBLAS and CUTLASS read them."""

from msdnum.emulator import backend
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings

__all__ = ["from_scale_tiles", "to_scale_tiles"]

ROWS, COLUMNS, GROUP = 128, 4, 32


@under_own_settings
def to_scale_tiles(scales: Array) -> Array:
    """Return scale codes in the order in which block-scaled products of NVIDIA read them.

    The scale of row r and block c goes to tile ``(r // 128, c // 4)``; tiles follow each other row
    by row, and inside its tile it has place ``(r % 32) * 16 + r % 128 // 32 * 4 + c % 4``.

    Parameters
    ----------
    scales : Array of one byte
        Shape (rows, blocks).

    Returns
    -------
    Array
        Of the same type, shape (tiles * 512,); what is beyond the rows and blocks is 0.

    Raises
    ------
    TypeError
        If they are not bytes.
    ValueError
        If they have no two dimensions.

    Notes
    -----
    Source: cuBLAS documentation, "1D block scaling factors layout".
    """
    scales = _bytes(scales, "scales")
    if scales.ndim != 2:
        raise ValueError(f"scales must have two dimensions, got shape {scales.shape}")
    return _tiles_of(scales)


@compiled_whole
def _tiles_of(scales: Array) -> Array:
    xp = backend.namespace(scales)
    rows, columns = scales.shape
    padded = xp.pad(scales.view("uint8"), [(0, -rows % ROWS), (0, -columns % COLUMNS)])
    tiles = padded.reshape(-1, ROWS // GROUP, GROUP, padded.shape[1] // COLUMNS, COLUMNS)
    return xp.transpose(tiles, (0, 3, 2, 1, 4)).reshape(-1).view(scales.dtype)


@under_own_settings
def from_scale_tiles(tiles: Array, shape: tuple[int, int]) -> Array:
    """Undo ``to_scale_tiles``; the padding is left out.

    Parameters
    ----------
    tiles : Array of one byte
        Any shape, of as many bytes as the tiles of these rows and blocks have.
    shape : tuple of int
        Rows and blocks.

    Raises
    ------
    TypeError
        If they are not bytes.
    ValueError
        If there are more or fewer bytes.
    """
    tiles = _bytes(tiles, "tiles")
    rows, columns = shape
    down, across = -(-rows // ROWS), -(-columns // COLUMNS)
    if rows < 1 or columns < 1 or tiles.size != down * across * ROWS * COLUMNS:
        raise ValueError(
            f"tiles must have {down * across * ROWS * COLUMNS} bytes for {rows} rows of {columns} "
            f"scales, got {tiles.size}"
        )
    return _scales_of(tiles, rows=rows, columns=columns)


@compiled_whole
def _scales_of(tiles: Array, *, rows: int, columns: int) -> Array:
    down, across = -(-rows // ROWS), -(-columns // COLUMNS)
    xp = backend.namespace(tiles)
    apart = tiles.view("uint8").reshape(down, across, GROUP, ROWS // GROUP, COLUMNS)
    padded = xp.transpose(apart, (0, 3, 2, 1, 4)).reshape(down * ROWS, across * COLUMNS)
    return padded[:rows, :columns].view(tiles.dtype)


def _bytes(x: Array, name: str) -> Array:
    x = as_array(x, name)
    backend.check_array(x, name, None)
    if x.dtype.itemsize != 1:
        raise TypeError(f"{name} must be of one byte each, as codes of E4M3 or E8M0, got {x.dtype}")
    return x
