"""What it means: facts, rules, and the verdicts they give for every instant.

Pure: the same fold serves the catch-up, the rebuild, a question about any day, and its explanation.
"""
