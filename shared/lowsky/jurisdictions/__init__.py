"""What the law of each jurisdiction asks for, as data: the TOML files in `data`, and the modules that read them."""
