"""Zones by name."""

import pytest

from scheduler.cron import ZoneError, zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_a_known_zone(name: str) -> None:
    assert zone(name).key == name
    assert zone(name) is zone(name)


@pytest.mark.parametrize(
    ("name", "message", "suggestion"),
    [
        ("", "is empty", None),
        (" ", "is empty", None),
        ("\t\n", "is empty", None),
        ("Europe/Atlantis", "is unknown", "Europe/Athens"),
        ("Asia/Kolkatta", "is unknown", "Asia/Kolkata"),
        ("Mars/Phobos", "is unknown", None),
        ("Europe", "is unknown", None),
        ("europe/berlin", "has the wrong case", "Europe/Berlin"),
        ("utc", "has the wrong case", "UTC"),
        ("localtime", "is not allowed", None),
        ("posixrules", "is not allowed", None),
        ("Factory", "is not allowed", None),
        ("right/Europe/Berlin", "is not allowed", "Europe/Berlin"),
        ("posix/Europe/Berlin", "is not allowed", "Europe/Berlin"),
        ("right/nowhere", "is not allowed", None),
        ("../../etc/passwd", "is not a zone's name", None),
        ("/etc/passwd", "is not a zone's name", None),
        ("Europe/../Europe/Berlin", "is not a zone's name", "Europe/Berlin"),
        ("Europe//Berlin", "is not a zone's name", "Europe/Berlin"),
        ("Europe\\Berlin", "is not a zone's name", "Europe/Berlin"),
        (" Europe/Berlin", "is not a zone's name", "Europe/Berlin"),
        ("Europe/Berlin\n", "is not a zone's name", "Europe/Berlin"),
        ("Europe/Berlin\0", "is not a zone's name", "Europe/Berlin"),
        ("Europe/B\u0435rlin", "is not a zone's name", "Europe/Berlin"),
        ("\ud800", "is not a zone's name", None),
        ("+02:00", "is not a zone's name", None),
        ("tzdata.zi", "is not a zone's name", None),
        ("leapseconds", "is unknown", None),
        ("Europe/" + "x" * 10_000, "is longer than 64 characters", None),
    ],
)
def test_a_name_that_is_no_zone(name: str, message: str, suggestion: str | None) -> None:
    with pytest.raises(ZoneError) as caught:
        zone(name)
    assert message in str(caught.value)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    if suggestion:
        assert suggestion in caught.value.suggestions
        assert suggestion in str(caught.value)


def test_a_listed_zone_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.cron.zones._names", lambda: frozenset({"Europe/Gone"}))
    with pytest.raises(ZoneError, match="cannot be read"):
        zone("Europe/Gone")
