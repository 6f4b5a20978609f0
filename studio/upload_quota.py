"""The upload quota: how many bytes a request may bring."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from studio.django_settings import STUDIO

STRANGERS_MAX_BYTES = 2**16


class UploadQuota(FileUploadHandler):
    """Refuses a request before its body is read, or leaves it to the handlers that follow."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  Django's name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        """Look at how long the body says that it is; Django reads no more of it.

        Raises:
            RequestDataTooBig: Too long; answered with 400.
        """
        user = getattr(self.request, "user", None)
        most = STUDIO.upload_max_size if user is not None and user.is_authenticated else STRANGERS_MAX_BYTES
        if content_length > most:
            raise RequestDataTooBig(f"a request may have {most:,} bytes")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass it on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave it to the next."""
