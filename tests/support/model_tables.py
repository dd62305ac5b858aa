"""Helpers of the tests of tables of the model."""

from msdnum.trials.msd.experiments import model

FEW = model.MODEL_EXPERIMENTS[0].quick.count
