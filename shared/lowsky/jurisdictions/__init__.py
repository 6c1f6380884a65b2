"""Rules that differ by jurisdiction, as data: TOML files in data/<jurisdiction>/, and the modules that apply them."""
