"""Tests of rule files, run in simulated time by the engine that runs the real cards."""

from duly_runtime.scenario.run import Failure, Result, run

__all__ = ["Failure", "Result", "run"]
