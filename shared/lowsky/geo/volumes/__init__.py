"""4D volumes: flights as volumes, their stored form, and the nodes of space and time that index them."""
