"""Fault tests: what is broken on purpose, and what must still be true afterwards.

Each scenario is a function that takes a number of rounds and dice, raises AssertionError where a promise is broken, and
returns a Tally. pytest runs them with a few rounds (REGULARS_TORTURE_ROUNDS times as many where that is set), and
`make torture` at length.
"""
