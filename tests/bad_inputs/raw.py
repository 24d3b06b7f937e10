"""Protobuf written by hand: what no well-behaved client sends."""


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes(found) + bytes([number])


def field(number: int, content: bytes | str) -> bytes:
    """A field that has a length: a text, or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def nested_lists(depth: int) -> bytes:
    """A google.protobuf.Value: lists inside of each other."""
    value = field(3, "x")
    for _ in range(depth):
        value = field(6, field(1, value))
    return value


def nested_tables(depth: int) -> bytes:
    """A google.protobuf.Value: structs inside of each other."""
    value = field(3, "x")
    for _ in range(depth):
        value = field(5, entry("k", value))
    return value


def entry(key: str | bytes, value: bytes) -> bytes:
    """A google.protobuf.Struct with one key."""
    return field(1, field(1, key) + field(2, value))


def run_request(name: str, params: bytes, request_id: str = "raw") -> bytes:
    """A schedapi.v1.RunJobRequest; `params` is a Struct."""
    return field(1, request_id) + field(3, name) + field(4, params)


def apply_request(name: str, spec: bytes = b"", metadata: bytes = b"", request_id: str = "raw") -> bytes:
    """A schedapi.v1.ApplyRequest with one job, whose task is `true`."""
    task = field(3, field(1, field(1, "true")))
    job = field(3, field(1, name) + metadata) + field(4, task + spec)
    return field(1, request_id) + field(2, job)
