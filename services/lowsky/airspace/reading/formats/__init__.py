"""The file formats: which one a file is in, and its zones as documents."""
