"""Tests mirror the rooms: each module has a test file of its name, each folder is a room's."""

import re
from pathlib import PurePosixPath

from tests.support.paths import ROOT

PACKAGE, TESTS = ROOT / "msdnum", ROOT / "tests"
MODULES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*.py")
    if not path.name.startswith("__")
)
BESIDE_THE_ROOMS = {"house", "support", "data"}

ELSEWHERE = {
    "bench/products.py": "cli/test_bench.py",
    "conformance/adapters/gfloat.py": "",  # needs a package that the tests do not: run by hand
    "conformance/adapters/mmasim.py": "",
    "conformance/adapters/qwix.py": "",
    "conformance/adapters/torch.py": "",
    "conformance/adapters/torchao.py": "",
    "cost/machine_kinds.py": "cost/test_machines.py",
    "display/text.py": "formats/test_registries.py",
    "emulator/gemm/exact_sums.py": "emulator/gemm/units/test_whole.py",
    "emulator/gemm/plans.py": "emulator/gemm/test_checks.py",
    "emulator/gemm/ranges.py": "emulator/gemm/units/test_binary32.py",
    "emulator/layouts/rows.py": "emulator/layouts/test_words.py",
    "emulator/gemm/units/kinds.py": "formats/test_accumulators.py",
    "emulator/gemm/units/sums.py": "formats/test_accumulators.py",
    "evidence/format_worst_cases.py": "reports/test_one_call.py",
    "evidence/strangers.py": "bounds/test_remainders.py",
    "exact/spacings.py": "exact/test_rationals.py",
    "formats/element_kinds.py": "formats/test_elements.py",
    "formats/float_formats.py": "formats/test_elements.py",
    "formats/integer_formats.py": "formats/test_elements.py",
    "formats/scheme_kinds.py": "formats/test_schemes.py",
    "formats/modes.py": "formats/test_blocks.py",
    "ledger/layout.py": "ledger/test_claims.py",
    "reports/pages.py": "reports/test_report_page.py",
    "reports/parts.py": "reports/test_report_page.py",
    "trials/msd/figures/costs.py": "house/test_figures.py",
    "trials/msd/figures/decoder.py": "house/test_figures.py",
    "trials/msd/figures/model.py": "house/test_figures.py",
    "trials/ozaki/figures.py": "house/test_figures.py",
    "trials/pcast/errors.py": "trials/pcast/test_sinks.py",
    "trials/toolkit/nvfp4.py": "bounds/test_nvfp4.py",
}
"""Where a module is tested that has no file of its name; nowhere if its package is not there."""

OF_A_TRIAL = re.compile(r"trials/(\w+)/(claims/\w+|experiments|figures).py")
"""What a short trial may test together, as the rows of its ledger and the tables of its figures."""


def test_file_of(module):
    """Return where the tests of a module stand."""
    path = PurePosixPath(module)
    trial = OF_A_TRIAL.fullmatch(module)
    own = (path.parent / f"test_{path.stem.lstrip('_')}.py").as_posix()
    if trial and not (TESTS / own).is_file():
        return f"trials/{trial[1]}/test_ledger.py"
    return own


test_file_of.__test__ = False


def test_a_module_has_a_test_file_of_its_name():
    homes = {module: ELSEWHERE.get(module, test_file_of(module)) for module in MODULES}
    assert [home for home in homes.values() if home and not (TESTS / home).is_file()] == []


def test_an_exception_is_one():
    assert set(ELSEWHERE) <= set(MODULES)
    assert [module for module in ELSEWHERE if (TESTS / test_file_of(module)).exists()] == []


def test_every_folder_of_tests_is_that_of_a_room():
    folders = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    rooms = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert folders <= rooms | BESIDE_THE_ROOMS


def test_a_test_of_a_module_stands_where_it_does():
    assert test_file_of("_files.py") == "test_files.py"
    assert test_file_of("emulator/gemm/products.py") == "emulator/gemm/test_products.py"
