"""The gRPC service of approvals: the queue of an authority, and where its officers decide."""
