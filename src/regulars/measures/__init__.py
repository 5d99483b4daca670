"""Measures over time: what the customers of a store did as a whole. Each module answers one question.

`Regulars.trend`, `flow`, `movers`, `cohorts`, `rfm`, `revenue` and `liability` ask them; what they return is here.
"""

from regulars.measures.cohorts import Cohort, Cohorts
from regulars.measures.flow import Flow, Mover
from regulars.measures.liability import Liability, LiabilityPoint
from regulars.measures.periods import By
from regulars.measures.revenue import Revenue, RevenuePeriod
from regulars.measures.rfm import Rfm, RfmCell
from regulars.measures.trend import Trend, TrendPoint
from regulars.statistics.proportions import Interval

__all__ = [
    "By",
    "Cohort",
    "Cohorts",
    "Flow",
    "Interval",
    "Liability",
    "LiabilityPoint",
    "Mover",
    "Revenue",
    "RevenuePeriod",
    "Rfm",
    "RfmCell",
    "Trend",
    "TrendPoint",
]
