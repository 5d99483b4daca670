"""A store on the move: backup, copy, restore and export."""
