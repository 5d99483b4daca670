"""The read models: tables, builds and generations, catching up, replaying, and comparing with the log."""
