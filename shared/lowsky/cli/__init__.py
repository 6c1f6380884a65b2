"""The `lowsky` command."""
