"""The gRPC services of airspace: message in, use case, message out; each mutation once, in one transaction."""
