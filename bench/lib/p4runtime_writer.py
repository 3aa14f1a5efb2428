"""A P4Runtime client as plain as can be, on Debian's grpcio and protobuf: the peer of bench/controller.mjs.

    p4runtime_writer.py GENERATED_FOLDER ADDRESS ENTRIES BATCH

Writes the entries of bench/controller.mjs and prints how long it took, from values to the last answer, as JSON.
"""

import json
import queue
import sys
import time

folder, address, entries, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sys.path.insert(0, folder)

import grpc  # noqa: E402
from p4.v1 import p4runtime_pb2 as p4  # noqa: E402

SERVICE = "/p4.v1.P4Runtime/"
TIMEOUT_S = 60
ELECTION_ID = 2


def canonical(value):
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def ids(channel):
    """Ids of eip_in and bind_vm, by name, out of the P4Info of the running pipeline."""
    get = channel.unary_unary(
        SERVICE + "GetForwardingPipelineConfig",
        request_serializer=p4.GetForwardingPipelineConfigRequest.SerializeToString,
        response_deserializer=p4.GetForwardingPipelineConfigResponse.FromString,
    )
    info = get(p4.GetForwardingPipelineConfigRequest(device_id=1), timeout=TIMEOUT_S).config.p4info
    table = next(t for t in info.tables if t.preamble.alias == "eip_in")
    action = next(a for a in info.actions if a.preamble.alias == "bind_vm")
    return table, action


def become_primary(channel):
    requests = queue.SimpleQueue()
    stream = channel.stream_stream(
        SERVICE + "StreamChannel",
        request_serializer=p4.StreamMessageRequest.SerializeToString,
        response_deserializer=p4.StreamMessageResponse.FromString,
    )(iter(requests.get, None))
    hello = p4.StreamMessageRequest()
    hello.arbitration.device_id = 1
    hello.arbitration.election_id.low = ELECTION_ID
    requests.put(hello)
    assert next(stream).arbitration.status.code == 0
    return requests, stream  # without the stream, gRPC would end the call


def update(request, table, action, i):
    entry = request.updates.add(type=p4.Update.INSERT).entity.table_entry
    entry.table_id = table.preamble.id
    for field, value in zip(table.match_fields, (1, 0x64400000 + i)):
        match = entry.match.add(field_id=field.id)
        match.exact.value = canonical(value)
    entry.action.action.action_id = action.preamble.id
    vm = (i + 1, i % 1000 + 1, 0xAC100000 + i // 1000, 0x020001000000 + i, 0x0A400000 + i % 4096)
    for param, value in zip(action.params, vm):
        entry.action.action.params.add(param_id=param.id, value=canonical(value))


def main():
    with grpc.insecure_channel(address) as channel:
        table, action = ids(channel)
        requests, stream = become_primary(channel)
        write = channel.unary_unary(
            SERVICE + "Write",
            request_serializer=p4.WriteRequest.SerializeToString,
            response_deserializer=p4.WriteResponse.FromString,
        )
        start = time.perf_counter()
        for first in range(0, entries, batch):
            request = p4.WriteRequest(device_id=1)
            request.election_id.low = ELECTION_ID
            for i in range(first, min(first + batch, entries)):
                update(request, table, action, i)
            write(request, timeout=TIMEOUT_S)
        print(json.dumps({"seconds": time.perf_counter() - start}))
        requests.put(None)
        stream.cancel()


main()
