"""What an import sends, reports and compares, as messages."""
