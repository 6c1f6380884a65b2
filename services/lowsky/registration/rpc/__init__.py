"""The gRPC services of registration: each call converts its message, runs a use case and converts the result. Each
mutation is applied once, in one transaction."""
