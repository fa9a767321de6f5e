import assert from "node:assert/strict";
import { unixMillis } from "../../base/mod.ts";
import { builtInDrivers } from "../../../drivers/mod.ts";
import type { NetworkDefinition } from "../../overlay/mod.ts";
import { networkMtuBytes } from "./underlay_place.ts";

const GIVEN: readonly (readonly [
  name: string,
  type: string,
  fields: Partial<NetworkDefinition>,
  mtuBytes: number,
])[] = [
  // Linux sends frames of 1518 bytes on an interface of 1500 when 8100 comes first, and of 1514 when 88a8 does.
  ["a VLAN, whose one tag the frame may be longer by", "vlan", { plain: {} }, 1518 - 14 - 4],
  ["a VLAN with a service tag", "vlan", { plain: {}, options: { service: "7" } }, 1514 - 14 - 8],
  ["VXLAN over IPv4", "vxlan", { plain: {} }, 1450],
  ["VXLAN over IPv6", "vxlan", { plain: { remotes: ["2001:db8::1"] } }, 1430],
  ["jumbo frames below", "vxlan", { plain: {}, mtu: 8950 }, 8950],
  ["more than a packet of the underlay holds", "vxlan", { plain: {}, mtu: 65_535 }, 65_485],
  ["the longest of a VLAN", "vlan", { plain: {}, mtu: 65_535 }, 65_535],
  ["a VLAN inside the mesh, whole frames with their tag", "vlan", {}, 1420 - 20 - 2 - 14 - 4],
  ["more than the mesh leaves", "vxlan", { mtu: 9000 }, 1370],
];

for (const [name, type, fields, mtuBytes] of GIVEN) {
  Deno.test(`networkMtuBytes() of ${name} is ${mtuBytes}`, () => {
    const driver = builtInDrivers().get(type)?.() ?? assert.fail(type);
    const definition: NetworkDefinition = {
      id: "x",
      name: "x",
      type,
      vni: 42,
      active: true,
      interfaces: [],
      options: {},
      createdAt: unixMillis(1),
      ...fields,
    };
    assert.equal(networkMtuBytes(driver, definition, 1420, 4), mtuBytes);
  });
}
