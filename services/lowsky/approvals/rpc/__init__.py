"""The gRPC service of approvals: the queue of an authority, and the decisions of its officers."""
