"""The parts that processes are put together from: a database, events, a gRPC server; and all of them as a service."""
