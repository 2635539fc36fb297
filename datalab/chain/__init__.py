"""Checks in a row, to run, look at, edit and run again."""

from datalab.chain.chain import Chain
from datalab.chain.step import ACTIONS, Action, ChainStep

__all__ = ["ACTIONS", "Action", "Chain", "ChainStep"]
