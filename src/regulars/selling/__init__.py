"""Selling as a whole: what is open, how that came about, what it is expected to bring, and whether it did.

`Regulars.pipeline`, `opportunities`, `pipeline_waterfall`, `pipeline_stages`, `stale_opportunities`,
`pipeline_forecast` and `pipeline_calibration` ask them; what they return is here.
"""

from regulars.selling.calibration import Band, Brier, MonthCalibration, PipelineCalibration
from regulars.selling.forecast import MonthForecast, PipelineForecast, StageForecast, Sums
from regulars.selling.pipeline import OpportunityView, Pipeline, PipelineBy, PipelineLine
from regulars.selling.stages import TimeInStage, TimesInStages
from regulars.selling.waterfall import Open, StageMove, Waterfall, WaterfallPart

__all__ = [
    "Band",
    "Brier",
    "MonthCalibration",
    "MonthForecast",
    "Open",
    "OpportunityView",
    "Pipeline",
    "PipelineBy",
    "PipelineCalibration",
    "PipelineForecast",
    "PipelineLine",
    "StageForecast",
    "StageMove",
    "Sums",
    "TimeInStage",
    "TimesInStages",
    "Waterfall",
    "WaterfallPart",
]
