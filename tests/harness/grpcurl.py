"""What of grpcurl the docs use: a message as JSON is sent to a method that reflection alone describes.

python -m tests.harness.grpcurl -plaintext -d @ localhost:8081 package.Service/Method
"""

import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

TIMEOUT_S = 30.0


def main(address: str, method: str) -> None:
    service_name, _, name = method.partition("/")
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        found = pool.FindServiceByName(service_name).FindMethodByName(name)
        request = json_format.Parse(sys.stdin.read(), GetMessageClass(found.input_type)())
        call = channel.unary_unary(
            f"/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(found.output_type).FromString,
        )
        sys.stdout.write(json_format.MessageToJson(call(request, timeout=TIMEOUT_S)))


if __name__ == "__main__":
    plaintext, _, stdin, *where = sys.argv[1:]
    assert (plaintext, stdin) == ("-plaintext", "@")
    main(*where)
