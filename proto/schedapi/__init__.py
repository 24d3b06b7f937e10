"""The wire contract: gRPC services and messages, generated from the .proto files beside it."""
