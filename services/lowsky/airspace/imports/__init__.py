"""Imports of zone files, and rollbacks: receive a file, read it, compare it with the zones in force, replace them."""
