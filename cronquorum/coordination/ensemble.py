"""The random id that ZooKeeper keeps for itself, by which a ZooKeeper made anew is told from the old one."""

import re
import uuid

from cronquorum.coordination.contact import Contact
from cronquorum.logs import get_logger

log = get_logger(__name__)

_ID = re.compile(rb"[!-~]{1,64}")


class Ensemble:
    def __init__(self, path: str) -> None:
        self.path = path

    async def current(self, contact: Contact) -> str:
        """The id in force; when there is none, or nonsense, it gets one."""
        while True:
            found = await contact.read(self.path)
            if found is None:
                await contact.ensure(self.path, uuid.uuid4().hex.encode())
                continue
            data, znode = found
            if _ID.fullmatch(data):
                return data.decode()
            log.warning("the ensemble's id is unreadable: replacing it", path=self.path)
            await contact.write(self.path, uuid.uuid4().hex.encode(), znode.version)

    async def replace(self, contact: Contact, seen: str) -> str:
        """Replace the id if it is still `seen`; return the one in force."""
        fresh = uuid.uuid4().hex
        while (current := await self.current(contact)) == seen:
            found = await contact.read(self.path)
            if found is not None and found[0] == seen.encode():
                log.warning("replacing the ensemble's id", path=self.path, old=seen, new=fresh)
                await contact.write(self.path, fresh.encode(), found[1].version)
        return current
