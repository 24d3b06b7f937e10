"""What the rig raises when the machine, and not the code under test, is at fault."""


class MissingPart(RuntimeError):
    """A program that the tests need isn't on this machine.

    ``packages`` are the Debian packages that bring it; the message names the command that installs them.
    """

    def __init__(self, part: str, *packages: str, detail: str = "") -> None:
        self.part = part
        self.packages = packages
        command = f"apt-get install -y {' '.join(packages)}"
        super().__init__(f"{part} is not on this machine; run: {command}" + (f"\n{detail}" if detail else ""))
