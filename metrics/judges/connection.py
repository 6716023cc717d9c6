"""Whether a judge's server is there, asked without sending it anything of a study."""

from __future__ import annotations

from metrics.judges.address import is_loopback

_PATIENCE_S = 5.0


def is_reachable(endpoint: str) -> bool:
    """Whether there is a connection to the endpoint; what it answers, if anything, is not read."""
    from httpx2 import Client, ConnectError, ConnectTimeout, HTTPError

    # the environment's proxy is asked where the judge will be asked through it
    with Client(timeout=_PATIENCE_S, trust_env=not is_loopback(endpoint)) as http:
        try:
            http.head(endpoint)
        except (ConnectError, ConnectTimeout):
            return False
        except HTTPError:  # it listens, and may be busy
            return True
    return True
