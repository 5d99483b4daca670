"""Segments: who belongs together, by conditions on facts that rules name."""
