"""Conditions on the facts that rules may ask: the ladder of stages and the segments are made of them."""
