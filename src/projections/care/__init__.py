"""Care: whom to call and why, by rules that name occasions."""
