"""What it means: facts, rules, and the verdicts they give for every instant.

Pure: the same fold serves the catch-up, the rebuild, a question about any day, and its explanation. The rooms have one
direction: the registry names what there is; the rules are composed of what each projection brings; a projection is a
room (or a module, where it has no rules) on the engine; the engine folds facts.
"""
