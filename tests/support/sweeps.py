"""Helpers of the tests of sweeps."""

from concurrent.futures import Executor, Future

import numpy as np

from msdnum.evidence.sweeps import Outcome, Sweep

SIZE, BLOCK = 1 << 16, 1 << 10


def judge_squares(inputs):
    squares = inputs * inputs
    return Outcome(
        squares,
        {"ends in 4321": squares % 10000 == 4321},
        {"odd": inputs % 2 == 1},
        {"distance to 40000": -np.abs(inputs - 40000.0), "constant": np.zeros(inputs.size)},
    )


SQUARES = Sweep("squares", "n", "n * n", SIZE, judge_squares, {"test": "1"}, block=BLOCK)


class InSubmit(Executor):
    """An executor that computes in submit, as a caller may write one."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future
