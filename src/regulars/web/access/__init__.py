"""Who may do what: roles, and how those who ask are known."""
