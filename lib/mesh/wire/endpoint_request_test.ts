import assert from "node:assert/strict";
import { IpAddress, MacAddress } from "../../net/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import { decodeMeshMessage, encodeMeshMessage } from "./mesh_message.ts";
import type { EndpointAct, EndpointRefusal, EndpointRequest } from "./endpoint_request.ts";

const address = (text: string) => IpAddress.parse(text) ?? assert.fail();
const mac = MacAddress.parse("02:00:00:00:00:01") ?? assert.fail();
const to = "ab".repeat(16) as NodeId;

const acts: readonly EndpointAct[] = [
  { kind: "remove" },
  { kind: "move", to },
  { kind: "move", to, underlayAddress: address("192.0.2.1") },
  { kind: "add", addresses: [], allowsForeign: false },
  {
    kind: "add",
    mac,
    addresses: [address("10.0.0.9"), address("fd77::9")],
    allowsForeign: true,
    underlayAddress: address("2001:db8::1"),
  },
];

function encode(request: EndpointRequest): Uint8Array {
  return encodeMeshMessage({ kind: "request", number: 1, request: { kind: "endpoint", request } });
}

Deno.test("a request about an endpoint is read as it was sent, and cut it is none", () => {
  for (const act of acts) {
    const request = { network: "blue", name: "web-1", act };
    const bytes = encode(request);
    const read = decodeMeshMessage(bytes);
    assert.ok(read?.kind === "request" && read.request.kind === "endpoint");
    assert.equal(JSON.stringify(read.request.request), JSON.stringify(request));
    for (let end = 0; end < bytes.length; end++) decodeMeshMessage(bytes.slice(0, end));
  }
});

Deno.test("a request about an endpoint is refused whose names or addresses are none", () => {
  const add = { kind: "add", addresses: [], allowsForeign: false } as const;
  const cases: readonly EndpointRequest[] = [
    { network: "", name: "web-1", act: add },
    { network: "blue", name: "web/1", act: add },
    { network: "Blue", name: "web-1", act: add },
    { network: "blue", name: "a".repeat(64), act: add },
    { network: "blue", name: "web-1", act: { kind: "move", to: "ab" as NodeId } },
    {
      network: "blue",
      name: "web-1",
      act: { ...add, addresses: ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(address) },
    },
  ];
  for (const request of cases) {
    assert.equal(decodeMeshMessage(encode(request)), undefined, JSON.stringify(request));
  }
});

Deno.test("why a leader refuses an endpoint is told, and nothing when it says nothing", () => {
  const reasons: readonly (EndpointRefusal | undefined)[] = [
    "unknown-network",
    "unknown-endpoint",
    "duplicate-endpoint",
    "address-taken",
    "address-not-allowed",
    "not-permitted",
    "too-many",
    "no-address",
    undefined,
  ];
  for (const reason of reasons) {
    const answer = { kind: "refused", ...reason && { reason } } as const;
    const read = decodeMeshMessage(encodeMeshMessage({ kind: "response", number: 2, answer }));
    assert.deepEqual(read, { kind: "response", number: 2, answer });
  }
});
