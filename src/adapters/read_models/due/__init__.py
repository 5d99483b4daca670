"""What is to be done: the selects of each kind of line, and how lines are counted, put in order and bounded."""
