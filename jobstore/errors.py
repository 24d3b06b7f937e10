"""What can go wrong with the store.

StoreError
+-- StoreUnavailable     no answer, or a connection lost: nothing is known of the last write
+-- SchemaOutdated       the schema is not the one this program needs
|   +-- SchemaNewer      it has gone on without this program
+-- ClaimRefused         a candidate older than the last leader
+-- StaleTerm            a write of a term that is over
+-- BadChange            the data itself was refused; nothing of the transaction was written
"""

from cronquorum.names import shown


class StoreError(Exception):
    """Root of this package's errors."""


class StoreUnavailable(StoreError):
    """The store does not answer; whether the last write was committed is not known."""


class SchemaOutdated(StoreError):
    """The schema is older or newer than this program; the message names the command to run."""


class SchemaNewer(SchemaOutdated):
    """The schema is newer, and does not serve this program any more: only a newer program can go on."""


class ClaimRefused(StoreError):
    """A later candidate of the same ensemble has led already."""

    def __init__(self, order: int, last: int) -> None:
        self.order, self.last = order, last
        super().__init__(f"candidate {order} stood before the last leader, {last}")


class StaleTerm(StoreError):
    """The epoch of a write is not the present one."""

    def __init__(self, epoch: int, present: int) -> None:
        self.epoch, self.present = epoch, present
        super().__init__(f"epoch {epoch} is over: the present one is {present}")


class BadChange(StoreError):
    """The store refused the data of a change, or a move of a row that is final."""

    def __init__(self, message: str, value: object = None) -> None:
        super().__init__(message if value is None else f"{message}: {shown(value, 200)}")
