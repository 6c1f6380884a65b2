"""Operators: applications, and the changes made by the registrar and by the operators themselves."""
