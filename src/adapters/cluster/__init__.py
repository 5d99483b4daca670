"""Folding an archive on Spark, and loading or comparing what comes back."""
