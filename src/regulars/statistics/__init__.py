"""What numbers about many are worth: pure functions of counts, each with the interval that it goes with."""
