"""What secure channels are made with: for those who dial, with or without an event loop."""

from collections.abc import Sequence
from typing import Any

import grpc

from cronquorum.certificates import Credentials
from cronquorum.roles import Role

Options = Sequence[tuple[str, Any]]


def secured(ours: Credentials, role: Role, options: Options) -> tuple[grpc.ChannelCredentials, Options]:
    """Credentials and options of a channel to somebody who must have a role, whatever the host is called."""
    credentials = grpc.ssl_channel_credentials(ours.ca, ours.key, ours.cert)
    return credentials, (*options, ("grpc.ssl_target_name_override", role.value))
