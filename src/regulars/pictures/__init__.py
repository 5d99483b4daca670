"""Pictures of what was asked: SVG, each a function of a value, that reads without colour and without a script."""

from regulars.pictures.lanes import timeline_svg
from regulars.pictures.measures import measure_svg

__all__ = ["measure_svg", "timeline_svg"]
