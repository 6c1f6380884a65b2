"""Streams of events to callers: tails of topics, resumable watches."""
