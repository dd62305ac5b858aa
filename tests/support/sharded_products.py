"""Products of sharded arrays on eight host devices; a program of its own, for JAX makes its
devices once.

``python -m tests.support.sharded_products ACCUMULATOR ...`` prints how many bit patterns differ
from the product of the same NumPy arrays.
"""

import sys

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from msdnum import BLOCK_FORMATS, SCHEMES, decompose, quantize
from msdnum.emulator import backend
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.formats.accumulators import ACCUMULATORS

M, K, N = 16, 256, 24
WEIGHTS = {"INT8_X2": "INT8_ROW", "MXFP4_X2": "MXFP4"}
LAYOUTS = {
    "rows and columns": (("x", None), (None, "y")),
    "rows, all devices": ((("x", "y"), None), (None, None)),
    "along k": ((None, ("y", "x")), (("y", "x"), None)),
}


def operands(scheme):
    rng = np.random.default_rng(0)
    x, w = (rng.standard_t(3, shape).astype(np.float32) for shape in ((M, K), (N, K)))
    weight = quantize(w, BLOCK_FORMATS[WEIGHTS[scheme]])
    return decompose(x, SCHEMES[scheme]), transposed(weight)


def sharded(tree, mesh, axes):
    """Put every array on the mesh: what has two axes that divide is split, the rest copied."""

    def place(v):
        fits = v.ndim == 2 and all(n % 8 == 0 for n in v.shape)
        return jax.device_put(v, NamedSharding(mesh, PartitionSpec(*axes if fits else ())))

    return jax.tree.map(place, tree)


def main(names):
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_enable_x64", True)
    backend.register_pytrees()
    mesh = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
    for name in names:
        a, b = operands("INT8_X2" if name.startswith("INT32") else "MXFP4_X2")
        expected = matmul(a, b, accumulator=ACCUMULATORS[name]).view(np.uint32)
        for layout, (left, right) in LAYOUTS.items():
            x, y = sharded(a, mesh, left), sharded(b, mesh, right)
            devices = len(x.terms[0].codes.sharding.device_set)
            found = np.asarray(matmul(x, y, accumulator=ACCUMULATORS[name])).view(np.uint32)
            differ = int((found != expected).sum())
            print(f"{name}, {layout}, {devices} devices: {differ} of {expected.size} differ")


if __name__ == "__main__":
    main(sys.argv[1:])
