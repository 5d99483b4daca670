"""Extensions: aggregates, projections and indexes of other people's in a store."""
