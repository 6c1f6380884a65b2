"""Conversion between the domain and protobuf messages, for gRPC and for events."""
