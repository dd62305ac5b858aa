"""How time and memory grow: quantize, decompose, matmul, a sweep, and a file, by size and by way.

    python benchmarks/scale.py [HIGHEST [LOWEST [STEP]]]  log2 of the elements: 26, 16 and 2

Prints CSV. Each row is a process of its own, for the peak of a process does not go down again.
Ways: one process on one core; one on all cores, by threads of kernels and BLAS (sweep, file: by a
process for each core); a Dask cluster of local processes, one for each core. Elements of a matmul
are its products. Sweep and file are taken a chunk at a time, and on the cluster everything is.
``cpu`` is the processor time of all processes, workers with their start: where others use the
machine, look at that. Peaks are of the largest process, beside the peak before the work.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from msdnum import BLOCK_FORMATS, SCHEMES, decompose_terms, matmul, quantize
from msdnum.formats.accumulators import EXACT, Blocks

MXFP4, ROW, CHUNK, SMALLEST = BLOCK_FORMATS["MXFP4"], 1 << 8, 1 << 22, 1 << 17
WAYS = ("one core", "all cores", "Dask")
COLUMNS = "case,way,log2,seconds,cpu,mib_before,mib_peak"


def normals(start, stop):
    return np.random.default_rng(start).standard_normal(stop - start, np.float32)


def quantized(start, stop, _):
    return quantize(normals(start, stop).reshape(-1, ROW), MXFP4).codes.nbytes


def decomposed(start, stop, _):
    return len(decompose_terms(normals(start, stop).reshape(-1, ROW), SCHEMES["MXFP4_X2"]))


def multiplied(start, stop, n):
    """Multiply some rows of a square matrix by another: k times n products for each."""
    side = side_of(n)
    a, b = normals(start * side, stop * side).reshape(-1, side), normals(0, side * side)
    right = quantize(b.reshape(side, side), MXFP4, axis=-2)
    return matmul(quantize(a, MXFP4), right, accumulator=Blocks(32, EXACT)).nbytes


def side_of(n):
    return max(32, round(n ** (1 / 3) / 32) * 32)


def swept(start, stop, _):
    """Quantize all float32 numbers of a range of patterns."""
    patterns = np.arange(start, stop, dtype=np.int64).astype(np.uint32)
    return quantize(patterns.view(np.float32).reshape(-1, ROW), MXFP4).codes.nbytes


def from_disk(start, stop, folder):
    """Quantize a part of a file of float32 numbers into another, of codes."""
    x = np.fromfile(Path(folder, "x"), np.float32, stop - start, offset=4 * start)
    with open(Path(folder, "codes"), "r+b") as file:
        file.seek(start)
        file.write(quantize(x.reshape(-1, ROW), MXFP4).codes.tobytes())


def write_input(folder, n):
    with open(Path(folder, "x"), "wb") as file:
        for start in range(0, n, CHUNK):
            normals(start, min(start + CHUNK, n)).tofile(file)
    Path(folder, "codes").touch()


CASES = {
    "quantize": quantized,
    "decompose": decomposed,
    "matmul": multiplied,
    "sweep": swept,
    "file": from_disk,
}
BY_CHUNKS = ("sweep", "file")


@contextmanager
def mapping(case, way):
    """Give a function that carries out calls: in this process, in processes, or on a cluster."""
    cores = os.cpu_count()
    if way == "Dask":
        from distributed import Client, LocalCluster

        options = {"n_workers": cores, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**options) as cluster, Client(cluster) as client:
            yield lambda function, calls: client.gather(
                client.map(function, *zip(*calls, strict=True), pure=False)
            )
    elif way == "all cores" and case in BY_CHUNKS:
        with ProcessPoolExecutor(cores) as pool:
            yield lambda function, calls: list(pool.map(function, *zip(*calls, strict=True)))
    else:
        yield lambda function, calls: [function(*call) for call in calls]


def calls_of(case, way, n, folder):
    if case == "matmul":
        total, most = side_of(n), side_of(n) if way != "Dask" else max(1, side_of(n) // 8)
    else:
        total, most = n, CHUNK if case in BY_CHUNKS or way == "Dask" else n
    given = folder if case == "file" else n
    return [(start, min(start + most, total), given) for start in range(0, total, most)]


def one(case, way, exponent):
    """Measure once and print a row."""
    if way == "one core":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        if case == "file":
            write_input(folder, 1 << exponent)
        with mapping(case, way) as run:
            run(CASES[case], calls_of(case, way, SMALLEST, folder) * os.cpu_count())
            before, start, cpu = peak(), time.perf_counter(), processor()
            run(CASES[case], calls_of(case, way, 1 << exponent, folder))
            seconds = time.perf_counter() - start
        spent = processor() - cpu
    print(
        f"{case},{way},{exponent},{seconds:.3f},{spent:.3f},{before:.0f},{peak():.0f}", flush=True
    )


def processor():
    """Return the processor seconds of this process, and of those that it has waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def peak():
    """Return MiB of the largest process, this one or one that it has waited for."""
    both = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return max(resource.getrusage(who).ru_maxrss for who in both) / 1024


def main(highest=26, lowest=16, step=2):
    print(COLUMNS)
    for case in CASES:
        for way in WAYS:
            for exponent in range(lowest, highest + 1, step):
                command = [sys.executable, __file__, "--one", case, way, str(exponent)]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4], int(sys.argv[4]))
    else:
        main(*map(int, sys.argv[1:]))
