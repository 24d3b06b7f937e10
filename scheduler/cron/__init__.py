"""The cron language: Quartz and unix expressions, their fires in a time zone, and the names of zones.

Pure: standard library only, no clock, no I/O but the zone database.
"""

from .convert import to_quartz
from .errors import CronError, ZoneError
from .expression import CronExpression
from .layout import DayMode
from .parser import parse
from .remarks import left_out, remark, remarked, unfired
from .search import Gap, Overlap
from .zones import zone

__all__ = [
    "CronError",
    "CronExpression",
    "DayMode",
    "Gap",
    "Overlap",
    "ZoneError",
    "left_out",
    "parse",
    "remark",
    "remarked",
    "to_quartz",
    "unfired",
    "zone",
]
