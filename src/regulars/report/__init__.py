"""The monthly report: `gathering` collects it, `values` has its types, `page` writes it as HTML."""

from regulars.report.values import Figure, Moved, Rated, Report, SegmentMoved, Somebody, ToDo

__all__ = ["Figure", "Moved", "Rated", "Report", "SegmentMoved", "Somebody", "ToDo"]
