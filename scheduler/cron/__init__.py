"""The cron language: Quartz expressions, their fires in a time zone, and the names of zones.

Pure: standard library only, no clock, no I/O but the zone database.
"""

from .errors import CronError, ZoneError
from .expression import CronExpression
from .parser import parse
from .search import Gap, Overlap
from .zones import zone

__all__ = ["CronError", "CronExpression", "Gap", "Overlap", "ZoneError", "parse", "zone"]
