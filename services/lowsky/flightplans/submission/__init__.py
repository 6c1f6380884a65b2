"""Submissions: batched, checked, decided and stored in one transaction."""
