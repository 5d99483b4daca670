"""An archive: the log as Parquet files, in a folder that grows by a run at a time."""
