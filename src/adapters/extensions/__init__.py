"""Extensions: an application's own aggregates, projections and indexes in a store."""
