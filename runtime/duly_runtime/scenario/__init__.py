"""Tests of rule files, run in simulated time by the engine that runs the real cards."""

from duly_runtime.scenario.coverage import SORTS, Covered, Point, merged
from duly_runtime.scenario.run import Failure, Result, Runner, run

__all__ = ["SORTS", "Covered", "Failure", "Point", "Result", "Runner", "merged", "run"]
