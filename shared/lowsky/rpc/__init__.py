"""gRPC: the server's frame, and nothing about any service."""
