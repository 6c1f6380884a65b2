"""Generated from protos/lowsky/api/approvals/v1."""
