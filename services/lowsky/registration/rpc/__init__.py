"""The gRPC services of registration: what a call says becomes a change of an aggregate, in one transaction."""
