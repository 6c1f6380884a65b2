"""Operators: applications, and what the registrar and the operators themselves change."""
