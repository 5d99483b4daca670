"""Who may speak to a store from outside: what is kept of it, and how it is looked up."""
