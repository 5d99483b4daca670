"""Regulars for assistants: the questions of the HTTP API as read-only tools of the Model Context Protocol.

1. A tool is a question of the API's table; its input is that question's parameters, its description their docstring.
2. Each call opens the store anew, read-only, and asks it at one moment.
3. An answer says what it holds for, so that the same can be asked again and compared.
4. What goes wrong is one sentence.
"""
