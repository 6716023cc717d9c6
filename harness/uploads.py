"""What is sent to an endpoint, and whether these data may go there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from harness.errors import InputError


@dataclass(frozen=True)
class Uploads:
    """What leaves the machine: ``allowed`` holds the endpoints of ``--allow-upload``."""

    credentialed: bool
    allowed: Collection[str] = ()

    def check(self, sender: str, endpoint: str, sent: str = "images and texts") -> None:
        """Refuse an endpoint that credentialed data may not be sent to.

        ``sender`` and ``sent`` say in words what would send what.

        Addresses of this machine are no exception: what listens there may pass data on.

        Raises
        ------
        InputError
            If the data are credentialed and ``--allow-upload`` does not name the endpoint.
        """
        if not self.credentialed or self._named(endpoint):
            return
        raise InputError(
            f"{sender} sends {sent} to {endpoint}, and the data are marked as credentialed. If "
            "their data use agreement allows this (also for an address of this machine, which may "
            f"pass them on), give --allow-upload {endpoint}."
        )

    def record(self, endpoint: str) -> dict[str, object]:
        """Return what run.json says of an endpoint that data are sent to."""
        return {"endpoint": endpoint, "credentialed": self.credentialed}

    def _named(self, endpoint: str) -> bool:
        return endpoint.rstrip("/") in {one.rstrip("/") for one in self.allowed}
