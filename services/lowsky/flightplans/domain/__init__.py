"""A plan, its states and its findings, independent of transport and storage."""
