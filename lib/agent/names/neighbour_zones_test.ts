import assert from "node:assert/strict";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { forwardsOf } from "./neighbour_zones.ts";

const at = (text: string): Endpoint => {
  const endpoint = Endpoint.parse(text);
  assert(endpoint !== undefined);
  return endpoint;
};
const own = [IpAddress.fromBytes(Uint8Array.of(10, 200, 0, 1))];
const lab = {
  zones: ["lab.internal.", "201.10.in-addr.arpa."],
  servers: [at("10.201.0.1:15353")],
  interfaceName: "weft1",
};

function rules(
  more: Partial<Parameters<typeof forwardsOf>[1]>,
  dnsForward: Parameters<typeof forwardsOf>[0]["dnsForward"] = [],
) {
  const found = forwardsOf({ dnsForward }, {
    own,
    neighbours: [lab],
    resolver: "resolv.conf",
    resolverConf: "nameserver 10.201.0.1\nnameserver 10.200.0.1\nnameserver 192.0.2.53\n",
    zone: "weft.internal.",
    ...more,
  });
  return Object.fromEntries(found.map(({ suffix, servers }) => [suffix, servers.join()]));
}

Deno.test("forwardsOf() asks other agents for their zones, and nobody's agent for the rest", () => {
  assert.deepEqual(rules({}), {
    ".": "192.0.2.53:53",
    "lab.internal.": "10.201.0.1:15353",
    "201.10.in-addr.arpa.": "10.201.0.1:15353",
  });
  assert.equal(rules({ resolver: "resolved" })["."], undefined);
});

Deno.test("forwardsOf() leaves what was said, and this node's own zone, as they are", () => {
  const said = [{ suffix: "lab.internal.", server: at("192.0.2.9:53") }];
  assert.equal(rules({}, said)["lab.internal."], "192.0.2.9:53");
  assert.equal(rules({ zone: "lab.internal." })["lab.internal."], undefined);
});
