import assert from "node:assert/strict";
import { SeededRandom } from "../../base/mod.ts";
import { PortableFrames } from "./portable_frames.ts";
import { testFramePlane } from "./testing/frame_plane_suite.ts";
import { testFramePolicy } from "./testing/frame_policy_suite.ts";
import { memoryWorld } from "./testing/memory_world.ts";
import { plainWorld } from "./testing/plain_world.ts";

testFramePolicy(
  "PortableFrames",
  (hosts) => Promise.resolve(memoryWorld(hosts, "mesh", new SeededRandom(14))),
);
testFramePlane(
  "PortableFrames by IPv4",
  (hosts) => Promise.resolve(memoryWorld(hosts, "mesh", new SeededRandom(14))),
);
testFramePlane(
  "PortableFrames by IPv6",
  (hosts) => Promise.resolve(memoryWorld(hosts, "mesh6", new SeededRandom(14))),
);
testFramePlane(
  "PortableFrames by channels",
  (hosts) => Promise.resolve(memoryWorld(hosts, "channels", new SeededRandom(14))),
);
testFramePlane(
  "PortableFrames in the clear",
  (hosts) => Promise.resolve(plainWorld(hosts)),
  ({ transport }) => transport.kind === "udp",
);

for (
  const [what, driver, underlay] of [
    ["a group", "vxlan", { kind: "plain", group: "239.1.1.1" }],
    ["a hop limit", "vxlan", { kind: "plain", hopLimit: 3 }],
    ["a driver of IP itself", "gre", { kind: "plain" }],
    ["a driver on a link", "vlan", { kind: "plain", interfaceName: "eth1" }],
  ] as const
) {
  Deno.test(`PortableFrames refuses a plain network with ${what}, and says what carries it`, () => {
    const plane = new PortableFrames({ onPortEvent: () => {} });
    const network = {
      network: 1,
      name: "blue",
      driver,
      identifier: 100,
      options: {},
      mtuBytes: 1400,
      underlay,
    };
    assert.throws(() => plane.setNetwork(network), {
      name: "HostError",
      message: /needs the fast packet plane/,
    });
    assert.equal(plane.networkCounts(1), undefined);
    plane.close();
  });
}
