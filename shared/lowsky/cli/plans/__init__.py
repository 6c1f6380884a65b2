"""`lowsky plan`: submit, check, watch and move flight plans."""
