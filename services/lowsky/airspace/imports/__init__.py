"""Imports of zone files, and rollbacks: a file received, read, compared with what is in force, and put in its place."""
