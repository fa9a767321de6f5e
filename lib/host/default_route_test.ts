import assert from "node:assert/strict";
import { parseDefaultRoute } from "./default_route.ts";

const IPV4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	FE00A8C0	0003	0	0	100	00000000	0	0	0
eth0	0000A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
ppp0	00000000	00000000	0001	0	0	0	00000000	0	0	0
`;
const IPV6 =
  `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
`;

Deno.test("parseDefaultRoute() takes the IPv4 route with the least metric, with a gateway, and ignores interfaces", () => {
  const text = (route: ReturnType<typeof parseDefaultRoute>) => `${route?.gateway} ${route?.interfaceName}`;
  assert.equal(text(parseDefaultRoute(IPV4, 4)), "192.168.0.254 eth0");
  assert.equal(text(parseDefaultRoute(IPV4, 4, (name) => name === "eth0")), "192.168.1.1 wlan0");
  assert.equal(parseDefaultRoute(IPV4, 4, () => true), undefined);
});

Deno.test("parseDefaultRoute() takes the IPv6 route with a gateway, and no route that only forbids", () => {
  const route = parseDefaultRoute(IPV6, 6);
  assert.equal(`${route?.gateway} ${route?.interfaceName}`, "fe80::1 eth0");
  assert.equal(parseDefaultRoute(IPV6, 6, (name) => name === "eth0"), undefined);
});

Deno.test("parseDefaultRoute() finds nothing in what is no list of routes", () => {
  for (const text of ["", "\n", "eth0 00000000", "eth0\t00000000\tXX00A8C0\t0003\t0\t0\t100\t00000000\t0"]) {
    assert.equal(parseDefaultRoute(text, 4), undefined);
    assert.equal(parseDefaultRoute(text, 6), undefined);
  }
});
