import assert from "node:assert/strict";
import type { Member, NodeId } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { exitDials } from "./exit_dials.ts";

Deno.test("exitDials() has both planes' endpoints, each once, what is linked first, then the exit's", () => {
  const at = (text: string) => Endpoint.parse(text) ?? assert.fail(text);
  const member = (nodeId: string) => ({ record: { nodeId } }) as Member;
  const channels = new Map([["leader", [at("192.0.2.1:7")]], ["exit", [at("192.0.2.2:4000")]]]);
  const tunnels = new Map([["leader", [at("192.0.2.1:7")]], ["exit", [at("192.0.2.2:5000")]]]);
  const dials = exitDials([member("leader"), member("exit")], "exit" as NodeId, {
    channelEndpoints: ({ record }) => channels.get(record.nodeId) ?? [],
    tunnelEndpoints: ({ record }) => tunnels.get(record.nodeId) ?? [],
  }, [at("192.0.2.9:3128"), at("192.0.2.1:7")]);
  assert.deepEqual(dials.map(String), ["192.0.2.9:3128", "192.0.2.1:7", "192.0.2.2:4000", "192.0.2.2:5000"]);
});
