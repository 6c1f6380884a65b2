"""The gRPC services of airspace."""
