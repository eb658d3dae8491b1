"""Redirects are not followed: the address is the user's; where its server would send us is not."""

from typing import Any
from urllib.request import HTTPRedirectHandler


class NoRedirects(HTTPRedirectHandler):
    """Makes of a redirect the error that its status is; for `urllib.request.build_opener`."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing."""
