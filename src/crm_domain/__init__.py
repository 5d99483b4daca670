"""What may happen and what did: commands, events and the decisions between them.

Pure: no clock, no database, nothing of ours imported. Each aggregate is a folder. Its `decider` reads from top to
bottom: invariants, events, state, evolve, commands, decisions; its door passes on what others may use.
"""
