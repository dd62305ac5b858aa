"""Machines as data: peak rates, each with its source. Adding a machine is adding a block below.

The kinds of their numbers are in ``machine_kinds``, and re-exported from here.
"""

from fractions import Fraction

from msdnum._registry import Registry
from msdnum.cost.machine_kinds import Machine, Quantity, Route, Unit, unit_of

__all__ = [
    "ASCEND_910B2", "ASCEND_910B4", "ASCEND_950DT", "ASCEND_950PR", "B200", "B300", "H100", "H200",
    "MACHINES", "MI300X", "MI355X", "Machine", "Quantity", "Route", "Unit", "unit_of",
]  # fmt: skip


def _tera(number: str | Fraction, source: str) -> Quantity:
    return Quantity(Fraction(number) * 10**12, source)


def _none(source: str) -> Quantity:
    return Quantity(Fraction(0), source)


def _clocked(units: int, per_clock: int, megahertz: int, source: str) -> Quantity:
    derived = f"{source}: {units} x {per_clock} per clock x {megahertz} MHz"
    return Quantity(Fraction(units * per_clock * megahertz * 10**6), derived)


_NEW_IN_950 = "Huawei Connect 2025 keynote: FP8 and MXFP4 are new with the Ascend 950"


def _ascend_910b(
    model: str, cores: int, megahertz: int, bandwidth: Quantity, cache: Quantity | None
) -> Machine:
    ini = f"CANN platform_config, Ascend{model}.ini"
    cube = f"{ini}, cube cores, tile 16x16x16 of halves"
    return Machine(
        name=f"Ascend {model}",
        route=Route.HBM,
        route_source="Ascend C guide, separated architecture: cube and vector cores exchange data "
        "through global memory (its L2 cache may hold it)",
        bandwidth=bandwidth,
        vector=_clocked(2 * cores, 64, megahertz, f"{ini}, vector cores of 256 bytes"),
        bf16=_clocked(cores, 2 * 16 * 16 * 16, megahertz, cube),
        fp8=_none(_NEW_IN_950),
        fp6=_none(_NEW_IN_950),
        fp4=_none(_NEW_IN_950),
        int8=_clocked(cores, 2 * 16 * 32 * 16, megahertz, f"{cube}, 16x32x16 of INT8"),
        int4=_clocked(cores, 2 * 16 * 64 * 16, megahertz, f"{cube}, 16x64x16 of INT4"),
        cache=cache,
        cache_size=Quantity(Fraction(192 * 2**20), f"{ini}, l2_size"),
    )


_GUIDE = "CANN cross-platform migration guide, Atlas A2: 1.6 TB/s"
_SEARCH = "public hardware_config.py of a Huawei deployment search, ASCEND910B4: 0.8 TB/s"

_L2 = "CANN guide to operators, splitting for the L2 cache: about 7 TB/s, reads and writes mixed"

ASCEND_910B2 = _ascend_910b("910B2", 24, 1800, _tera("1.6", _GUIDE), _tera("7", _L2))
ASCEND_910B4 = _ascend_910b("910B4", 20, 1500, _tera("0.8", _SEARCH), None)

_WHITE_950 = (
    "Ascend 950 NPU architecture white paper, table 3-1, Server (by CANN ops-nn issue 6033)"
)
_ROUTE_950 = "Ascend C guide, 2201 to 3510: vector results go from UB to L1 without global memory"

ASCEND_950PR = Machine(
    name="Ascend 950PR",
    route=Route.ON_CHIP,
    route_source=_ROUTE_950,
    bandwidth=_tera("1.6", "Huawei Connect 2025 keynote: HiBL 1.0, 128 GB, 1.6 TB/s"),
    vector=_clocked(64, 128, 1650, f"{_WHITE_950}: FP16 54 TFLOPS, FP32 half of it"),
    bf16=_clocked(32, 8192, 1650, f"{_WHITE_950}: 432 TFLOPS"),
    fp8=_clocked(32, 16384, 1650, f"{_WHITE_950}: 865 TFLOPS"),
    fp6=None,
    fp4=_clocked(32, 32768, 1650, f"{_WHITE_950}: 1730 TFLOPS"),
    int8=None,
    int4=None,
)

ASCEND_950DT = Machine(
    name="Ascend 950DT",
    route=Route.ON_CHIP,
    route_source=_ROUTE_950,
    bandwidth=_tera("4.0", "Huawei Connect 2025 keynote: HiZQ 2.0, 144 GB, 4 TB/s"),
    vector=_tera("13.5", "Ascend DrivingSDK, devices_info.csv: FP32 27 TFLOPS, halved"),
    bf16=_tera("432", "Ascend DrivingSDK, devices_info.csv"),
    fp8=_tera("1000", "Huawei Connect 2025 keynote: 1 PFLOPS, a round number"),
    fp6=None,
    fp4=_tera("2000", "Huawei Connect 2025 keynote: 2 PFLOPS, a round number"),
    int8=None,
    int4=None,
)

_HOPPER = "NVIDIA H100 white paper, SXM5, dense, streaming multiprocessors"
_HOPPER_LACKS = "NVIDIA H100 white paper: tensor cores take FP8, INT8, FP16, BF16, TF32 and FP64"
_SHARED = "registers and shared memory feed the tensor cores"


def _hopper(name: str, bandwidth: Quantity) -> Machine:
    return Machine(
        name=name,
        route=Route.ON_CHIP,
        route_source=_SHARED,
        bandwidth=bandwidth,
        vector=_clocked(132, 128, 1980, f"{_HOPPER}: FP32 66.9 TFLOPS, halved"),
        bf16=_clocked(132, 4096, 1830, f"{_HOPPER}: 989.4 TFLOPS"),
        fp8=_clocked(132, 8192, 1830, f"{_HOPPER}: 1978.9 TFLOPS"),
        fp6=_none(_HOPPER_LACKS),
        fp4=_none(_HOPPER_LACKS),
        int8=_clocked(132, 8192, 1830, f"{_HOPPER}: 1978.9 TOPS"),
        int4=_none(_HOPPER_LACKS),
        cache_size=Quantity(Fraction(50 * 2**20), "NVIDIA H100 white paper: 50 MB of L2 cache"),
    )


H100 = _hopper("H100 SXM", _tera("3.35", "NVIDIA H100 data sheet, SXM: 3.35 TB/s"))
H200 = _hopper("H200 SXM", _tera("4.8", "NVIDIA H200 data sheet, SXM: 4.8 TB/s"))

_DGX_B200 = "NVIDIA DGX B200 data sheet, one of eight GPUs, dense"
_BLACKWELL_LACKS = "PTX ISA, tcgen05.mma: kinds f16, tf32, f8f6f4, i8, mxf8f6f4, mxf4, mxf4nvf4"

B200 = Machine(
    name="B200",
    route=Route.ON_CHIP,
    route_source=_SHARED,
    bandwidth=_tera("8", "NVIDIA DGX B200 data sheet: 64 TB/s for eight"),
    vector=_tera("37.5", "NVIDIA HGX B200 specifications: FP32 75 TFLOPS, halved"),
    bf16=_tera("2250", _DGX_B200),
    fp8=_tera("4500", _DGX_B200),
    fp6=_tera("4500", _DGX_B200),
    fp4=_tera("9000", _DGX_B200),
    int8=_tera("4500", _DGX_B200),
    int4=_none(_BLACKWELL_LACKS),
)

_B300 = "Verda, GB300 NVL72 architecture, table of NVIDIA's specifications, B300, dense"

B300 = Machine(
    name="B300",
    route=Route.ON_CHIP,
    route_source=_SHARED,
    bandwidth=_tera("7.7", _B300),
    vector=_tera("37.5", f"{_B300}: FP32 75 TFLOPS, halved"),
    bf16=_tera("2250", _B300),
    fp8=_tera("4500", _B300),
    fp6=_tera("4500", "NVIDIA Blackwell: FP6 at the rate of FP8"),
    fp4=_tera("14000", _B300),
    int8=_tera("150", _B300),
    int4=_none(_BLACKWELL_LACKS),
)

_CDNA3 = "AMD CDNA 3 white paper, MI300X, compute units"
_CDNA3_LACKS = "AMD CDNA 3 ISA: matrix instructions take FP64, XF32, FP16, BF16, FP8, BF8 and INT8"
_LDS = "registers and LDS feed the matrix cores"

MI300X = Machine(
    name="MI300X",
    route=Route.ON_CHIP,
    route_source=_LDS,
    bandwidth=_tera("5.3", "AMD Instinct MI300X data sheet: 5.3 TB/s"),
    vector=_clocked(304, 128, 2100, f"{_CDNA3}: FP32 163.4 TFLOPS, halved"),
    bf16=_clocked(304, 2048, 2100, _CDNA3),
    fp8=_clocked(304, 4096, 2100, _CDNA3),
    fp6=_none(_CDNA3_LACKS),
    fp4=_none(_CDNA3_LACKS),
    int8=_clocked(304, 4096, 2100, _CDNA3),
    int4=_none(_CDNA3_LACKS),
)

_CDNA4 = "AMD CDNA 4 white paper, MI355X, compute units"

MI355X = Machine(
    name="MI355X",
    route=Route.ON_CHIP,
    route_source=_LDS,
    bandwidth=_tera("8", "AMD Instinct MI355X data sheet: 8 TB/s"),
    vector=_clocked(256, 128, 2400, f"{_CDNA4}: FP32 157.3 TFLOPS, halved"),
    bf16=_clocked(256, 4096, 2400, _CDNA4),
    fp8=_clocked(256, 8192, 2400, _CDNA4),
    fp6=_clocked(256, 16384, 2400, _CDNA4),
    fp4=_clocked(256, 16384, 2400, _CDNA4),
    int8=_clocked(256, 8192, 2400, _CDNA4),
    int4=_none("AMD CDNA 4 ISA: no matrix instruction takes INT4"),
)

MACHINES: Registry[Machine] = Registry.of("MACHINES", (
    ASCEND_910B2, ASCEND_910B4, ASCEND_950PR, ASCEND_950DT, H100, H200, B200, B300, MI300X, MI355X,
))  # fmt: skip
"""The machines of the package, by name."""
