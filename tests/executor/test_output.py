"""The bound on what is kept of an attempt's output, and what of a text is shown."""

from hypothesis import given
from hypothesis import strategies as st

from executor.output import FLUSH_SIZE, KEPT_HEAD, KEPT_TAIL, LIVE_FLUSHES, Output
from executor.report import MAX_TEXT, clean_text, last_lines

MOST_CHUNKS = 1_000  # that a leader takes


def of(output: Output, stream: str) -> bytes:
    return b"".join(chunk.data for chunk in output.chunks if chunk.stream == stream)


def test_what_is_short_is_kept_whole() -> None:
    output = Output()
    output.write("stdout", b"a")
    output.write("stderr", b"b")
    assert output.flush() and not output.flush()
    output.write("stdout", b"c")
    output.close()
    assert (of(output, "stdout"), of(output, "stderr")) == (b"ac", b"b")


def test_after_the_close_nothing_is_taken() -> None:
    output = Output()
    output.close()
    output.write("stdout", b"a")
    output.close()
    assert output.chunks == [] and not output.flush()


def test_exactly_what_is_kept_has_no_marker() -> None:
    output = Output()
    output.write("stdout", b"x" * (KEPT_HEAD + KEPT_TAIL))
    output.close()
    assert of(output, "stdout") == b"x" * (KEPT_HEAD + KEPT_TAIL)


def test_one_byte_more_is_said_to_be_missing() -> None:
    output = Output()
    output.write("stdout", b"x" * (KEPT_HEAD + KEPT_TAIL + 1))
    output.close()
    assert b"\n[... 1 bytes not kept ...]\n" in of(output, "stdout")


def test_a_slow_trickle_makes_not_more_chunks_than_a_leader_takes() -> None:
    output = Output()
    for number in range(100_000):
        output.write(("stdout", "stderr")[number % 2], b"x")
        output.flush()
    output.close()
    assert LIVE_FLUSHES < len(output.chunks) < MOST_CHUNKS
    assert all(len(chunk.data) <= FLUSH_SIZE for chunk in output.chunks[:-2])


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.integers(0, 30_000), st.booleans()), max_size=12))
def test_begin_and_end_are_kept_and_the_rest_is_counted(pieces: list[tuple[str, int, bool]]) -> None:
    output, written, sent = Output(), {"stdout": b"", "stderr": b""}, 0
    for number, (stream, size, flush) in enumerate(pieces):
        data = bytes([65 + number]) * size
        written[stream] += data
        output.write(stream, data)
        if flush:
            output.flush()
            sent = len(output.chunks)
    early = output.chunks[:sent]
    output.close()
    assert output.chunks[:sent] == early  # what was sent stays as it was
    total = sum(len(data) for data in written.values())
    kept = 0
    for stream, data in written.items():
        head, marker, rest = of(output, stream).partition(b"\n[... ")
        if not marker:
            assert head == data
            kept += len(head)
            continue
        number_text, _, tail = rest.partition(b" bytes not kept ...]\n")
        assert data.startswith(head) and data.endswith(tail)
        assert int(number_text) == len(data) - len(head) - len(tail)
        kept += len(head) + len(tail)
    assert kept == min(total, KEPT_HEAD + KEPT_TAIL)


@given(st.binary(max_size=10_000))
def test_last_lines_are_text_of_the_end(data: bytes) -> None:
    text = last_lines(data)
    assert len(text.encode()) <= MAX_TEXT


def test_last_lines_prefer_stderr() -> None:
    output = Output()
    output.write("stdout", b"out\n")
    assert output.last_lines() == "out"
    output.write("stderr", b"err\n")
    assert output.last_lines() == "err"


@given(st.text(max_size=3000), st.integers(10, 5000))
def test_clean_text_fits(text: str, limit: int) -> None:
    assert len(clean_text(text, limit).encode()) <= limit


def test_clean_text_replaces_half_surrogates() -> None:
    assert clean_text("a\ud800b") == "a?b"
    assert clean_text("short") == "short"
    assert clean_text("x" * 5000) == "x" * 4093 + "..."


@given(st.lists(st.binary(max_size=400), max_size=400), st.data())
def test_lines_make_the_same_chunks_whoever_reads_them(texts: list[bytes], data: st.DataObject) -> None:
    lines = [text.replace(b"\n", b" ") + b"\n" for text in texts]
    first, second = Output(), Output()
    broken_off = data.draw(st.integers(0, len(lines)))
    for line in lines[:broken_off]:
        first.line(line)
    for line in lines:
        second.line(line)
    second.close()
    assert second.chunks[: len(first.chunks)] == first.chunks
    assert b"".join(chunk.data for chunk in first.chunks) == b"".join(lines[:broken_off])[: _size(first)]
    assert len(second.chunks) < 1000


def _size(output: Output) -> int:
    return sum(len(chunk.data) for chunk in output.chunks)
