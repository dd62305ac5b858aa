"""Machines as data: peak rates, each with its source. Adding a machine is adding a block below.

Rates are dense (without structured sparsity) and a multiply-add counts as two matrix operations, as
in data sheets. A vector operation is one instruction on one binary32 lane, a fused multiply-add
included, so a data sheet's FP32 rate is twice the number here. None is not known; 0 is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from fractions import Fraction
from types import MappingProxyType

from msdnum._registry import Registry
from msdnum.display import html
from msdnum.formats.elements import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
)

__all__ = [
    "ASCEND_910B2", "ASCEND_910B4", "ASCEND_950DT", "ASCEND_950PR", "B200", "B300", "H100", "H200",
    "MACHINES", "MI300X", "MI355X", "Machine", "Quantity", "Route", "Unit", "unit_of",
]  # fmt: skip


@unique
class Unit(Enum):
    """What a matrix unit multiplies; the name of its rate in ``Machine``."""

    INT4 = "int4"
    INT8 = "int8"
    FP4 = "fp4"
    FP6 = "fp6"
    FP8 = "fp8"
    BF16 = "bf16"


@unique
class Route(Enum):
    """How what one unit has computed reaches another."""

    HBM = "written to HBM and read back"
    ON_CHIP = "kept in on-chip memory, or in a cache that holds all of it"


UNITS: Mapping[ElementFormat, Unit] = MappingProxyType({
    INT4: Unit.INT4,
    INT8: Unit.INT8, INT8_SYMMETRIC: Unit.INT8, MXINT8_ELEMENT: Unit.INT8,
    E2M1: Unit.FP4,
    E2M3: Unit.FP6, E3M2: Unit.FP6,
    E4M3: Unit.FP8, E5M2: Unit.FP8,
    BF16: Unit.BF16, FP16: Unit.BF16,
})  # fmt: skip


def unit_of(fmt: ElementFormat) -> Unit:
    """Return the matrix unit that takes an element format.

    Raises
    ------
    ValueError
        If none does.

    Examples
    --------
    >>> from msdnum.cost import unit_of
    >>> from msdnum.formats import E2M1, E4M3
    >>> unit_of(E2M1).name, unit_of(E4M3).name
    ('FP4', 'FP8')
    """
    if fmt not in UNITS:
        known = ", ".join(f.name for f in UNITS)
        raise ValueError(f"fmt must be one that matrix units take ({known}), got {fmt.name!r}")
    return UNITS[fmt]


@dataclass(frozen=True)
class Quantity:
    """A number and where it is from.

    Parameters
    ----------
    value : Fraction
        In operations per second or bytes per second; 0: the machine does not have it.
    source : str
        Document, and how the number follows if it is not written there.
    """

    value: Fraction
    source: str

    def __post_init__(self) -> None:
        """Refuse a negative number and one without a source."""
        if self.value < 0:
            raise ValueError(f"value must not be negative, got {self.value}")
        if not self.source.strip():
            raise ValueError(f"source must say where {self.value} is from, got nothing")

    def cells(self, name: str) -> tuple[str, object, object]:
        """Return the number as notebooks show it, in units of 10**12."""
        return name, float(self.value / 10**12) or "none", html.paragraph(self.source)


@dataclass(frozen=True)
class Machine:
    """Peak rates of an accelerator.

    Parameters
    ----------
    name : str
        In tables and messages.
    route : Route
        How the vector unit hands data to the matrix unit.
    route_source : str
        Where that is from.
    bandwidth : Quantity or None
        Bytes per second to and from HBM, both directions together.
    vector : Quantity or None
        Vector operations per second on binary32 lanes.
    bf16, fp8, fp6, fp4, int8, int4 : Quantity or None
        Matrix operations per second, two for each multiply-add.

    Examples
    --------
    >>> from msdnum.cost import H100, Unit
    >>> H100.has(Unit.FP8), H100.has(Unit.FP4)
    (True, False)
    """

    name: str
    route: Route
    route_source: str
    bandwidth: Quantity | None
    vector: Quantity | None
    bf16: Quantity | None
    fp8: Quantity | None
    fp6: Quantity | None
    fp4: Quantity | None
    int8: Quantity | None
    int4: Quantity | None

    def peak(self, name: str) -> Fraction:
        """Return a rate by its field.

        Raises
        ------
        ValueError
            If it is not known, or the machine has no such unit; the message names both.
        """
        if name not in PEAKS:
            raise ValueError(f"name must be one of {', '.join(PEAKS)}, got {name!r}")
        quantity: Quantity | None = getattr(self, name)
        if quantity is None:
            raise ValueError(f"{name} of {self.name} must be known here, but it is not")
        if quantity.value == 0:
            raise ValueError(f"{self.name} has no {name} unit: {quantity.source}")
        return quantity.value

    def has(self, unit: Unit) -> bool:
        """Return whether it is known to have a matrix unit."""
        quantity: Quantity | None = getattr(self, unit.value)
        return quantity is not None and quantity.value > 0

    def rate(self, *units: Unit) -> Fraction:
        """Return the rate at which operands of these kinds multiply: that of the slowest.

        Raises
        ------
        ValueError
            If a rate is not known or a unit is missing.
        """
        return min(self.peak(unit.value) for unit in units)

    def _repr_html_(self) -> str:
        known = ((name, getattr(self, name)) for name in PEAKS)
        rows = [(name, "not known", "") if q is None else q.cells(name) for name, q in known]
        rows.append(("route", self.route.name, html.paragraph(self.route_source)))
        return html.table(("", "tera per second", "source"), rows, self.name)


PEAKS = ("bandwidth", "vector", *(unit.value for unit in Unit))


def _tera(number: str | Fraction, source: str) -> Quantity:
    return Quantity(Fraction(number) * 10**12, source)


def _none(source: str) -> Quantity:
    return Quantity(Fraction(0), source)


def _clocked(units: int, per_clock: int, megahertz: int, source: str) -> Quantity:
    derived = f"{source}: {units} x {per_clock} per clock x {megahertz} MHz"
    return Quantity(Fraction(units * per_clock * megahertz * 10**6), derived)


_NEW_IN_950 = "Huawei Connect 2025 keynote: FP8 and MXFP4 are new with the Ascend 950"


def _ascend_910b(model: str, cores: int, megahertz: int, bandwidth: Quantity) -> Machine:
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
    )


_GUIDE = "CANN cross-platform migration guide, Atlas A2: 1.6 TB/s"
_SEARCH = "public hardware_config.py of a Huawei deployment search, ASCEND910B4: 0.8 TB/s"

ASCEND_910B2 = _ascend_910b("910B2", 24, 1800, _tera("1.6", _GUIDE))
ASCEND_910B4 = _ascend_910b("910B4", 20, 1500, _tera("0.8", _SEARCH))

_PAPER_950 = (
    "Ascend 950 NPU architecture white paper, table 3-1, Server (by CANN ops-nn issue 6033)"
)
_ROUTE_950 = "Ascend C guide, 2201 to 3510: vector results go from UB to L1 without global memory"

ASCEND_950PR = Machine(
    name="Ascend 950PR",
    route=Route.ON_CHIP,
    route_source=_ROUTE_950,
    bandwidth=_tera("1.6", "Huawei Connect 2025 keynote: HiBL 1.0, 128 GB, 1.6 TB/s"),
    vector=_clocked(64, 128, 1650, f"{_PAPER_950}: FP16 54 TFLOPS, FP32 half of it"),
    bf16=_clocked(32, 8192, 1650, f"{_PAPER_950}: 432 TFLOPS"),
    fp8=_clocked(32, 16384, 1650, f"{_PAPER_950}: 865 TFLOPS"),
    fp6=None,
    fp4=_clocked(32, 32768, 1650, f"{_PAPER_950}: 1730 TFLOPS"),
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
