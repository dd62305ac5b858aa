"""Machines, workloads, traffic and latency in closed form."""

from msdnum.cost.latency import (
    PIPELINED,
    UNPIPELINED,
    Efficiency,
    Roofline,
    Scenario,
    Stages,
    in_tiles,
)
from msdnum.cost.machines import (
    ASCEND_910B2,
    ASCEND_910B4,
    ASCEND_950DT,
    ASCEND_950PR,
    B200,
    B300,
    H100,
    H200,
    MACHINES,
    MI300X,
    MI355X,
    Machine,
    Quantity,
    Route,
    Unit,
    unit_of,
)
from msdnum.cost.published import (
    MEASUREMENTS,
    Kind,
    Measurement,
    Prediction,
    Standing,
    waiting_of_products,
)
from msdnum.cost.sensitivity import (
    Bar,
    OpenRange,
    elasticity,
    latency_at,
    parameters,
    pays,
    tornado,
)
from msdnum.cost.work import (
    Dequantize,
    MultiScale,
    Plan,
    Reads,
    StoredOperand,
    VectorWork,
    cache_traffic_ratio,
    operand,
    relative_gemm_time,
    vector_crossover,
)
from msdnum.cost.workloads import Attention, Gemm, Workload

__all__ = [
    "ASCEND_910B2", "ASCEND_910B4", "ASCEND_950DT", "ASCEND_950PR", "B200", "B300", "H100",
    "H200", "MACHINES", "MEASUREMENTS", "MI300X", "MI355X", "PIPELINED", "UNPIPELINED",
    "Attention", "Bar", "Dequantize", "Efficiency", "Gemm", "Kind", "Machine", "Measurement",
    "MultiScale", "OpenRange", "Plan", "Prediction", "Quantity", "Reads", "Roofline", "Route",
    "Scenario", "Stages", "Standing", "StoredOperand", "Unit", "VectorWork", "Workload",
    "cache_traffic_ratio", "elasticity", "in_tiles", "latency_at", "operand", "parameters",
    "pays", "relative_gemm_time", "tornado", "unit_of", "vector_crossover", "waiting_of_products",
]  # fmt: skip
