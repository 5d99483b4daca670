"""Selling as a whole: what is open, how that came about, what it is expected to bring, and whether it did.

`Regulars.pipeline`, `pipeline_waterfall`, `pipeline_stages`, `stale_opportunities`, `pipeline_forecast` and
`pipeline_calibration` ask them; what they return is here.
"""
