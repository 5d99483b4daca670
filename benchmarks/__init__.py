"""How quick the store is, beside a floor and beside what people would use instead. `make bench` runs it."""
