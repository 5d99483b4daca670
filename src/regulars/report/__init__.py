"""The monthly report: `Regulars.report` gathers it, `report_page` writes it as a page to send."""

from regulars.report.page import report_page
from regulars.report.values import Figure, Moved, Report, Somebody, ToDo

__all__ = ["Figure", "Moved", "Report", "Somebody", "ToDo", "report_page"]
