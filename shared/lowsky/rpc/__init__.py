"""gRPC: what all servers share, independent of any service."""
