"""Outlines as published, made into valid areas that never become smaller."""
