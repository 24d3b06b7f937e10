"""Who leads, and who is there: the election and registry protocols, and their two implementations."""

from cronquorum.coordination.protocols import (
    Candidacy,
    Claim,
    CoordinationError,
    Coordinator,
    Member,
    Registration,
    Watch,
)

__all__ = ["Candidacy", "Claim", "CoordinationError", "Coordinator", "Member", "Registration", "Watch"]
