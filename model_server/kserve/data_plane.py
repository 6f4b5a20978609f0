"""The data plane as KServe knows it: what lies between its routes and its model."""

from collections.abc import Mapping
from typing import Any

from kserve.constants.constants import PredictorProtocol
from kserve.model import InferenceVerb
from kserve.protocol.dataplane import DataPlane

from model_server.errors import ModelUnknown, NotReady
from model_server.kserve.model import Headers, LogoModel
from model_server.protocols import Answer, Parse
from model_server.v2 import describe_server

EXPLAIN = "explain"
"""What parses a body of V1's `:explain`; KServe has no protocol of its own for it."""


class RawDataPlane(DataPlane):
    """KServe's data plane, with the body left as it came and readiness told truly.

    Args:
        model_registry: KServe's.
        protocols: What parses a body, by KServe's name for the protocol; and by EXPLAIN.
    """

    def __init__(self, model_registry: Any, protocols: Mapping[str, Parse]) -> None:
        super().__init__(model_registry=model_registry)
        self._protocols = protocols

    def decode(
        self,
        body: bytes,
        headers: Headers,
        protocol_version: str = PredictorProtocol.REST_V1.value,
        model_name: str | None = None,
    ) -> tuple[Parse, dict[str, Any]]:
        """Leave decoding to the model, and tell it how: KServe's own trusts the Content-Type."""
        return self._protocols[protocol_version], {}

    async def explain(
        self, model_name: str, request: Parse, headers: Headers | None = None
    ) -> tuple[Answer, dict[str, str]]:
        """Have the files of a request explained. KServe's own answers with the request's credentials."""
        answer, answer_headers = await self._model(model_name)(request, headers, InferenceVerb.EXPLAIN)
        return answer, answer_headers

    def encode(
        self, model_name: str, response: Answer, headers: Headers, req_attributes: Any
    ) -> tuple[bytes, Headers]:
        """The model's answer is bytes already."""
        return response.body, response.headers

    async def ready(self) -> bool:
        """True. KServe's own always is, and its answer where it is not logs a traceback.

        Raises:
            NotReady: With a Retry-After.
        """
        if not all([await model.healthy() for model in self.model_registry.get_models().values()]):
            raise NotReady("the model is warming up, going down, or without workers; try again shortly")
        return True

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """True.

        Args:
            model_name: From the URL.
            disable_predictor_health_check: KServe says so where it asks in order to predict: a model that
                goes down still does.

        Raises:
            ModelUnknown: It has another name. KServe logs a traceback for that, too.
            NotReady: With a Retry-After.
        """
        model = self._model(model_name)
        return (disable_predictor_health_check and model.warm) or await self.ready()

    def check_version(self, model_name: str, version: str | None) -> None:
        """Do nothing if a caller names the version that is served, or none.

        Raises:
            ModelUnknown: Anything else.
        """
        if version not in (None, *self._model(model_name).metadata["versions"]):
            raise ModelUnknown(f"Model with name {model_name} has no version {version}.")

    def metadata(self) -> dict[str, Any]:
        """The server's, as V2 has it."""
        return describe_server()

    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        """A model's, as V2 has it.

        Raises:
            ModelUnknown: It has another name.
        """
        return self._model(model_name).metadata

    def _model(self, name: str) -> LogoModel:
        model: LogoModel | None = self.model_registry.get_model(name)
        if model is None:
            raise ModelUnknown(f"Model with name {name} does not exist.")
        return model
