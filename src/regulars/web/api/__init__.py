"""The HTTP API: every command and every question, from one table each.

1. A request names its bearer token; the token's role says whether it may, its rate whether it may now.
2. What it says is read by a model that follows from the command, or from the signature of the question.
3. The store is asked in a thread, within the time there is; the answer is written as `to_dict` writes values.
4. What goes wrong is a problem (RFC 9457) with a code that stays.
"""
