"""Who may do what over HTTP: tokens and the table of permissions."""
