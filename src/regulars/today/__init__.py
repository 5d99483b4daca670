"""What is to be done today, and why: lines of several kinds, each a question about read models, in one order."""
