"""The parts that processes are assembled from: a database, events, a gRPC server; and all of them as a service."""
