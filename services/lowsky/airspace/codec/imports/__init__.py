"""The header, report and difference of an import, as messages."""
