"""Inner products that are drawn for units: hostile, finite, the same each time, and specified."""

import numpy as np
import pytest

from msdnum import spec
from msdnum.conformance.unit_dots import TOPICS_OF_DOTS, drawn, expected_of, settings, specified_of
from msdnum.formats.elements import E4M3FNUZ, FP16

SETTINGS = list(settings())
SOME = list({setting.unit: setting for setting in reversed(SETTINGS)}.values())
"""One of each unit."""


def ident(setting):
    return f"{setting.unit} {setting.formats}"


def test_every_unit_has_a_setting():
    units = {setting.unit for setting in SETTINGS}
    assert {
        "VOLTA",
        "BLACKWELL_MXFP4",
        "CDNA3_FNUZ",
        "HOPPER_TF32",
        "BLOCKS_32_IN_2_HOPPER",
    } <= units
    assert len(units) == 35
    assert sum(s.unit == "BLACKWELL_FP8" for s in SETTINGS) == 25
    assert all(s.a == s.b for s in SETTINGS if s.unit in ("AMPERE", "CDNA2"))


@pytest.mark.parametrize("setting", SOME, ids=ident)
def test_the_emulator_gives_what_is_specified(setting):
    for dots in list(drawn(setting, 32, seed=5))[::5]:
        expected = expected_of(setting, dots)
        (exact,) = specified_of(setting, dots, [0])
        if exact is None:
            assert not np.isfinite(expected[0])
        else:
            assert float(expected[0]) == exact


def test_all_topics_come_with_one_step_and_three_from_zero_and_from_c():
    setting = next(s for s in SETTINGS if s.unit == "HOPPER")
    found = list(drawn(setting, 640, seed=1))
    assert len(found) == 4 * len(TOPICS_OF_DOTS)
    assert {dots.codes[0].shape for dots in found} == {(20, 16), (20, 48)}
    assert sum(not dots.c.any() for dots in found) == 2 * len(TOPICS_OF_DOTS)
    again = list(drawn(setting, 640, seed=1))
    assert all((x.codes[0] == y.codes[0]).all() for x, y in zip(found, again, strict=True))
    other = list(drawn(setting, 640, seed=2))
    assert any((x.codes[0] != y.codes[0]).any() for x, y in zip(found, other, strict=True))


@pytest.mark.parametrize("setting", SOME, ids=ident)
def test_what_is_drawn_is_finite(setting):
    for dots in drawn(setting, 64, seed=3):
        assert np.isfinite(dots.c).all()
        if setting.accumulator.output == FP16:
            np.testing.assert_array_equal(dots.c.astype(np.float16), dots.c)
        for codes, fmt in zip(dots.codes, (setting.a, setting.b), strict=True):
            numbers = [spec.decode(int(code), fmt) for code in codes.ravel()[:40]]
            assert all(spec.number(x) is not None for x in numbers)


def test_topics_are_what_they_say():
    setting = next(s for s in SETTINGS if s.unit == "HOPPER" and s.a.name == "BF16")
    by_topic = {dots.topic: dots for dots in drawn(setting, 3200, seed=1)}
    fields = {name: dots.codes[0] >> 7 & 0xFF for name, dots in by_topic.items()}
    assert fields["near one"].min() >= 124
    assert (fields["subnormal"] == 0).mean() > 0.4
    assert fields["bottom"].max() < 70
    assert fields["overflow"].min() > 180
    cancelling = by_topic["cancellation"].codes[0]
    assert (cancelling[:, ::2] ^ 0x8000 == cancelling[:, 1::2]).mean() > 0.7
    assert ((by_topic["sparse"].codes[0] & 0x7FFF) == 0).mean() > 0.8


def test_no_code_of_fnuz_is_its_nan():
    setting = next(s for s in SETTINGS if s.a == E4M3FNUZ)
    assert all((dots.codes[0] != 0x80).all() for dots in drawn(setting, 3200, seed=0))
