"""The edge: databases, the codec and its keys, files that come in and go out.

Imports `projections` and `crm_domain`; nothing here decides anything about a customer.
"""
