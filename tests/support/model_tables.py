"""Helpers of the tests of tables of the model."""

from msdnum.trials.msd.experiments import model

FEW = model.QUICK[0]
