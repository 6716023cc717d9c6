"""The address of an endpoint, and the key that it wants."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import SplitResult, urlsplit

from metrics.errors import InputError, MissingError


def check_endpoint(url: str) -> None:
    """Refuse an address that is no base URL, or that holds a secret.

    Raises
    ------
    InputError
        If it is not http(s)://HOST[:PORT][/PATH], with nothing else. The address itself is not
        in the message, for it may hold a password.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            "The judge's endpoint is no address like https://HOST/v1 or http://localhost:8000/v1. "
            "Give the base URL of the API."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            f"The judge's endpoint at {parts.hostname} has a user name, a query or a fragment in "
            "its address, which would go on record. Leave it out; a key goes into the environment "
            "variable that api_key_env names."
        )
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise InputError("The judge's endpoint is too long. Leave /chat/completions out.")


def origin(url: str) -> str:
    """Return scheme, host and port of an address, for messages.

    >>> origin("https://user:secret@host:8000/v1?key=1")
    'https://host:8000'
    """
    parts = _split(url)
    if parts is None:
        return "an address that is none"
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def is_loopback(url: str) -> bool:
    """Whether the address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authorization(api_key_env: str | None) -> dict[str, str]:
    """Return the header with the key that the named variable holds.

    Raises
    ------
    MissingError
        If the variable is not set.
    InputError
        If what it holds is no key.
    """
    if api_key_env is None:
        return {}
    key = os.environ.get(api_key_env, "").strip()
    if not key:
        raise MissingError(
            f"The environment variable {api_key_env} (api_key_env of the judge) is not set. Put "
            f"the endpoint's key there: `export {api_key_env}=…`."
        )
    if not key.isascii() or not key.isprintable():
        raise InputError(f"The key in {api_key_env} has characters that no key has. Set it again.")
    return {"Authorization": f"Bearer {key}"}


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    return parts
