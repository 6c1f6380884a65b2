"""The path of a submission: batched, checked, decided and stored in one transaction."""
