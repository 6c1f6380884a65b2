"""Files in no standard format, read by a mapping that the publisher gives."""
