import assert from "node:assert/strict";
import { PrivateKey } from "../../crypto/mod.ts";
import { SeededRandom } from "../../base/mod.ts";
import type { ProxyChange, WireGuardPlane } from "../../dataplane/mod.ts";
import type { RosterEvent } from "../../mesh/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { EndpointRotation, PeerSync } from "./peer_sync.ts";

const [a, b, c] = ["192.0.2.1:1", "192.0.2.2:2", "[2001:db8::3]:3"].map((text) => {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint);
  return endpoint;
}) as [Endpoint, Endpoint, Endpoint];

Deno.test("EndpointRotation.next() goes round", () => {
  const rotation = new EndpointRotation();
  assert.equal(rotation.update([a, b, c]), a);
  assert.deepEqual([rotation.next(), rotation.next(), rotation.next()], [b, c, a]);
});

Deno.test("EndpointRotation.next() has nothing to offer beyond one endpoint", () => {
  const rotation = new EndpointRotation();
  assert.equal(rotation.next(), undefined);
  rotation.update([a]);
  assert.equal(rotation.next(), undefined);
  assert.equal(rotation.current, a);
});

Deno.test("EndpointRotation.update() keeps the endpoint in use when it is still there", () => {
  const rotation = new EndpointRotation();
  rotation.update([a, b]);
  rotation.next();
  assert.equal(rotation.update([c, b, a]), b);
  assert.equal(rotation.update([c, a]), c);
  assert.equal(rotation.update([]), undefined);
});

Deno.test("PeerSync begins no handshake with who has no packet plane, and follows who gets one and who gives it up", () => {
  const { publicKey } = PrivateKey.generate(new SeededRandom(3));
  const address = IpAddress.parse("10.200.0.9") ?? assert.fail();
  const record = { nodeId: "r", publicKey, addresses: [address], allowedIps: [], roles: ["member"] };
  const member = { record, statement: { isRootless: true } };
  const said: string[] = [];
  const plane: Partial<WireGuardPlane> = {
    setPeer: ({ endpoint, allowedIps }) => void said.push(`peer ${allowedIps} at ${endpoint}`),
    removePeer: () => void said.push("no peer"),
    setEndpoint: () => void said.push("endpoint"),
    initiateHandshake: () => void said.push("handshake"),
    peerStatus: () => undefined,
    changeProxy: ({ add, remove }: ProxyChange) => void said.push(`proxied +${add} -${remove}`),
  };
  let tell: (event: RosterEvent) => void = () => {};
  const context = {
    store: { get: () => undefined },
    mesh: {
      replica: {
        subscribe: ({ handleRosterEvent }: { handleRosterEvent: typeof tell }) => {
          tell = handleRosterEvent;
          return () => {};
        },
      },
      roster: { members: () => [member], get: () => member },
      identity: { id: "own" },
    },
    endpoints: { tunnelEndpoints: () => member.statement.isRootless ? [] : [a] },
  } as unknown as AgentContext;
  const peers = new PeerSync(plane as WireGuardPlane, context);
  const changed = { kind: "endpoints-changed", nodeId: "r", publicKey } as unknown as RosterEvent;
  peers.start();
  peers.tryAt(record.nodeId as never, a);
  assert.deepEqual(said.splice(0), ["no peer", "proxied +10.200.0.9 -", "peer 10.200.0.9/32 at undefined"]);
  member.statement.isRootless = false;
  tell(changed);
  assert.deepEqual(said.splice(0), ["proxied + -10.200.0.9", `peer 10.200.0.9/32 at ${a}`]);
  peers.tryAt(record.nodeId as never, a);
  assert.ok(said.splice(0).includes("handshake"));
  member.statement.isRootless = true;
  tell(changed);
  assert.deepEqual(said.splice(0), ["no peer", "proxied +10.200.0.9 -", "peer 10.200.0.9/32 at undefined"]);
  tell({ ...changed, kind: "member-removed" } as RosterEvent);
  assert.deepEqual(said.splice(0), ["proxied + -10.200.0.9", "no peer"]);
});

Deno.test("PeerSync keeps proxying an address that is another rootless member's by the time its former holder is gone", () => {
  const random = new SeededRandom(4);
  const addresses = [IpAddress.parse("10.200.0.9") ?? assert.fail()];
  const members = ["r", "s"].map((nodeId) => ({
    record: {
      nodeId,
      publicKey: PrivateKey.generate(random).publicKey,
      addresses,
      allowedIps: [],
      roles: [],
    },
    statement: { isRootless: true },
  }));
  const [former, next] = members;
  assert.ok(former && next);
  const proxied = new Set<string>();
  const plane: Partial<WireGuardPlane> = {
    setPeer: () => {},
    removePeer: () => {},
    peerStatus: () => undefined,
    changeProxy: ({ add = [], remove = [] }: ProxyChange) => {
      for (const address of remove) proxied.delete(`${address}`);
      for (const address of add) proxied.add(`${address}`);
    },
  };
  let tell: (event: RosterEvent) => void = () => {};
  const context = {
    store: { get: () => undefined },
    mesh: {
      replica: {
        subscribe: ({ handleRosterEvent }: { handleRosterEvent: typeof tell }) => {
          tell = handleRosterEvent;
          return () => {};
        },
      },
      roster: {
        members: () => [former],
        get: (id: string) => members.find(({ record }) => record.nodeId === id),
      },
      identity: { id: "own" },
    },
    endpoints: { tunnelEndpoints: () => [] },
  } as unknown as AgentContext;
  new PeerSync(plane as WireGuardPlane, context).start();
  const event = (kind: string, { record: { nodeId, publicKey } }: typeof former) =>
    tell({ kind, nodeId, publicKey } as unknown as RosterEvent);
  event("member-added", next);
  event("member-removed", former);
  assert.deepEqual([...proxied], ["10.200.0.9"]);
  event("member-removed", next);
  assert.deepEqual([...proxied], []);
});
