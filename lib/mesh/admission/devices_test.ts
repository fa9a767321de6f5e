import assert from "node:assert/strict";
import { Cidr } from "../../net/mod.ts";
import { signRecord } from "../records/mod.ts";
import { enrolled, requestOf, setUpAdmission } from "../testing/admission_fixture.ts";
import { deviceNetworkProblem } from "./device_networks.ts";

const cidr = (text: string) => Cidr.parse(text) ?? assert.fail(text);
const cidrs = (...texts: string[]) => texts.map(cidr);
const overlay = cidrs("10.200.0.0/16", "fd12::/64");

Deno.test("deviceNetworkProblem() lets private networks of any size through, and nothing that is not behind one device", () => {
  const behindOthers = [["router", cidr("192.168.8.0/24")] as const];
  const problem = (text: string) => deviceNetworkProblem(cidr(text), { overlay, behindOthers });
  for (
    const fine of [
      "192.168.7.0/24",
      "192.168.7.9/32",
      "10.0.0.0/9",
      "203.0.113.0/24",
      "2001:db8::/32",
      "192.168.0.0/16",
      "fd13::/64",
    ]
  ) {
    assert.equal(problem(fine), undefined, fine);
  }
  const refused: Readonly<Record<string, RegExp>> = {
    "0.0.0.0/0": /every network/,
    "::/0": /every network/,
    "10.200.0.0/16": /overlaps 10\.200\.0\.0\/16, which is the mesh's own$/,
    "10.200.7.0/24": /mesh's own/,
    "10.0.0.0/8": /mesh's own/,
    "fd12::7/128": /mesh's own/,
    "127.0.0.0/8": /^127\.0\.0\.0\/8 is this host itself$/,
    "127.1.0.0/16": /overlaps 127\.0\.0\.0\/8, which is this host itself$/,
    "0.0.0.0/1": /mesh's own|host itself/,
    "128.0.0.0/1": /overlaps/,
    "224.0.0.0/4": /multicast/,
    "239.1.0.0/16": /multicast/,
    "169.254.7.0/24": /every link/,
    "0.0.0.0/8": /no hosts/,
    "255.255.255.255/32": /no hosts/,
    "240.0.0.0/5": /no hosts/,
    "::1/128": /host itself/,
    "::/128": /no hosts/,
    "fe80::/64": /every link/,
    "ff02::/16": /multicast/,
    "192.168.8.0/24": /is behind router already$/,
  };
  for (const [text, why] of Object.entries(refused)) assert.match(problem(text) ?? "nothing", why, text);
});

Deno.test("Admission.addDevice() refuses what deviceNetworkProblem() does, and keeps what was signed before", () => {
  const { network, admission, roster } = setUpAdmission(41);
  const [one, other] = [network.node(), network.node()].map(({ publicKey }) => publicKey);
  assert.ok(one !== undefined && other !== undefined);
  const allowedIps = cidrs("192.168.7.0/24");
  enrolled(admission.addDevice({ name: "one", publicKey: one, allowedIps }));
  for (const refused of [allowedIps, cidrs("0.0.0.0/0"), cidrs("192.168.9.0/24", "127.0.0.0/8")]) {
    assert.equal(
      admission.addDevice({ name: "two", publicKey: other, allowedIps: refused }),
      "refused:network",
    );
  }
  assert.equal(roster.recordByKey(other), undefined);
  enrolled(admission.addDevice({ name: "one", publicKey: one, allowedIps }));
  // What a former release let through is not taken away by an operator who says it again.
  const known = roster.recordByKey(one) ?? assert.fail();
  const wide = { ...known, allowedIps: cidrs("0.0.0.0/0"), version: known.version + 1 };
  roster.merge(signRecord(wide, network.identity.signingKey));
  enrolled(admission.addDevice({ name: "one", publicKey: one, allowedIps: cidrs("0.0.0.0/0") }));
});

Deno.test("Admission.addDevice() refuses a name that somebody has, and gives a known key no other", () => {
  const { network, admission, newToken } = setUpAdmission(42);
  enrolled(admission.admit(requestOf(network.node(), newToken(), { name: "beta" })));
  const { publicKey } = network.node();
  assert.equal(admission.addDevice({ name: "beta", publicKey }), "refused:name-taken");
  enrolled(admission.addDevice({ name: "phone", publicKey }));
  assert.equal(
    admission.addDevice({ name: "phone", publicKey: network.node().publicKey }),
    "refused:name-taken",
  );
  assert.equal(enrolled(admission.addDevice({ name: "beta", publicKey })).name, "phone");
});

Deno.test("Admission.amend() changes the hub of a device, and renewals and networks keep it", () => {
  const { network, admission } = setUpAdmission(43);
  const [one, other] = [network.node().id, network.node().id];
  const { publicKey } = network.node();
  const added = enrolled(admission.addDevice({ name: "phone", publicKey, hub: one }));
  assert.equal(added.hub, one);
  const changed = enrolled(admission.amend(added, { hub: other }));
  assert.equal(changed.hub, other);
  assert.equal(enrolled(admission.renew(changed)).hub, other);
  assert.equal(enrolled(admission.addDevice({ name: "phone", publicKey })).hub, undefined);
});
