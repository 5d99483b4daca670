"""Adapters: databases, the log and its codec, encryption keys, read models, imports and exports.

They import `projections` and `crm_domain`, and decide nothing about a customer.
"""
