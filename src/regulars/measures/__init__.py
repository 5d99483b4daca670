"""Measures over time: what the customers of a store did as a whole. Each module answers one question.

`Regulars.trend`, `flow`, `movers`, `cohorts`, `rfm`, `revenue`, `liability` and `expiring` ask them; what they return
is here.
"""

from regulars.measures.cohorts import Cohort, Cohorts, Retained
from regulars.measures.expiring import Expiring, ExpiringPoints
from regulars.measures.flow import Flow, Move, Mover
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
    "Expiring",
    "ExpiringPoints",
    "Flow",
    "Interval",
    "Liability",
    "LiabilityPoint",
    "Move",
    "Mover",
    "Retained",
    "Revenue",
    "RevenuePeriod",
    "Rfm",
    "RfmCell",
    "Trend",
    "TrendPoint",
]
