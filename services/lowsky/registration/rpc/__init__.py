"""The gRPC services of registration: message in, use case, message out; each mutation once, in one transaction."""
