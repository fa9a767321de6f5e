import assert from "node:assert/strict";
import { builtInDrivers } from "../../drivers/mod.ts";
import { IdentifierRangeError, InvalidEndpointError, InvalidNetworkError, MtuRangeError } from "./errors.ts";
import { type EndpointConfig, readEndpointConfig } from "./endpoint.ts";
import {
  blocksOf,
  checkNetwork,
  completeNetwork,
  gatewayAddress,
  type NewOverlayNetwork,
} from "./network.ts";

const { capabilities } = builtInDrivers().get("vxlan")?.() ?? assert.fail();
const blue: NewOverlayNetwork = { name: "blue", type: "vxlan", vni: 1001, cidr: "10.0.0.7/24" };

function check(fields: Partial<NewOverlayNetwork>): void {
  checkNetwork(completeNetwork({ ...blue, ...fields }, "id"), capabilities);
}

Deno.test("checkNetwork() takes a network as it is usual, and completes it", () => {
  check({});
  const complete = completeNetwork({ ...blue, cidr: "fd77::1/64" }, "id");
  assert.deepEqual([complete.cidr, complete.cidr6, complete.active], [undefined, "fd77::/64", true]);
  assert.equal(completeNetwork({ ...blue, id: "mine" }, "id").id, "mine");
  assert.equal(completeNetwork(blue, "id").cidr, "10.0.0.0/24");
});

Deno.test("checkNetwork() refuses each mistake with an error of its own", () => {
  const cases: readonly (readonly [Partial<NewOverlayNetwork>, new (message: string) => Error])[] = [
    [{ name: "" }, InvalidNetworkError],
    [{ name: "Blue" }, InvalidNetworkError],
    [{ name: "-blue" }, InvalidNetworkError],
    [{ name: "b".repeat(64) }, InvalidNetworkError],
    [{ cidr: "10.0.0.0/31" }, InvalidNetworkError],
    [{ cidr: "10.0.0.0" }, InvalidNetworkError],
    [{ members: "x".repeat(1025) }, InvalidNetworkError],
    [{ plain: { group: "10.0.0.1" } }, InvalidNetworkError],
    [{ plain: { port: 65_536 } }, InvalidNetworkError],
    [{ stormLimit: 0 }, InvalidNetworkError],
    [{ vni: -1 }, IdentifierRangeError],
    [{ vni: 1 << 24 }, IdentifierRangeError],
    [{ vni: 1.5 }, IdentifierRangeError],
    [{ mtu: 575 }, MtuRangeError],
    [{ mtu: 65_536 }, MtuRangeError],
    [{ mtu: 1279, cidr6: "fd77::/64" }, MtuRangeError],
  ];
  for (const [fields, error] of cases) assert.throws(() => check(fields), error, JSON.stringify(fields));
});

Deno.test("readEndpointConfig() reads what is asked for, and refuses what the network cannot give", () => {
  const network = completeNetwork({ ...blue, cidr6: "fd77::/64" }, "id");
  const read = (fields: Partial<EndpointConfig>) =>
    readEndpointConfig({ networkId: "blue", name: "web-1", ...fields }, network);
  const wanted = read({
    macAddress: "02-00-00-00-00-01",
    ipAddress: "10.0.0.9/24",
    ipAddress6: "fd77::9",
    options: { attach: "eth1" },
  });
  assert.equal(String(wanted.mac), "02:00:00:00:00:01");
  assert.deepEqual(wanted.addresses.map(String), ["10.0.0.9", "fd77::9"]);
  assert.equal(wanted.allowsForeign, true, "behind an interface are others");
  assert.equal(read({ options: { attach: "eth1", foreign: false } }).allowsForeign, false);
  const [four] = blocksOf(network);
  assert.equal(String(gatewayAddress(four ?? assert.fail())), "10.0.0.1");
  const refused: readonly Partial<EndpointConfig>[] = [
    { name: "Web" },
    { name: "" },
    { macAddress: "01:00:00:00:00:01" },
    { macAddress: "00:00:00:00:00:00" },
    { macAddress: "02:00:00:00:00" },
    { ipAddress: "10.0.1.9" },
    { ipAddress: "10.0.0.0" },
    { ipAddress: "10.0.0.255" },
    { ipAddress: "10.0.0.1" },
    { ipAddress: "10.0.0.9/16" },
    { ipAddress: "web" },
    { ipAddress: "fd77::8", ipAddress6: "fd77::9" },
    { options: { device: "a-name-that-is-too-long" } },
    { options: { device: "../x" } },
    { options: { attach: "eth1", netns: "guest" } },
    { options: { netns: "a b" } },
  ];
  for (const fields of refused) {
    assert.throws(() => read(fields), InvalidEndpointError, JSON.stringify(fields));
  }
});
