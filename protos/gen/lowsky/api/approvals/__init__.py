"""Generated from protos/lowsky/api/approvals."""
