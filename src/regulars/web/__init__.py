"""The outside by HTTP: pages for people, and an interface for programs, over one open store. Needs the extra `web`."""
