import assert from "node:assert/strict";
import type { AddedDevice } from "../../api/mod.ts";
import { sampleDevice } from "../../agent/testing/sample_control.ts";
import { compactConfig, deviceConfig, encodeQr } from "./device_config.ts";

const viaHub: AddedDevice = {
  ...sampleDevice,
  name: "router",
  addresses: ["10.200.0.9", "fd00::9"],
  peers: sampleDevice.peers.map((peer) => ({ ...peer, allowedIps: ["10.200.0.0/16", "fd00::/64"] })),
};
const { hub: _, ...others } = viaHub;
const direct: AddedDevice = {
  ...others,
  peers: [
    ...viaHub.peers.map((peer) => ({ ...peer, allowedIps: ["10.200.0.1/32"] })),
    {
      name: "web-1",
      publicKey: "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=",
      addresses: ["10.200.0.2"],
      allowedIps: ["10.200.0.2/32"],
    },
  ],
};

Deno.test("deviceConfig() has the hub as the one peer, for the whole network", () => {
  assert.equal(
    deviceConfig(viaHub, { presharedKey: "ours" }),
    `# router is 10.200.0.9, fd00::9. Its configuration, for wg-quick:

[Interface]
# PrivateKey = the device's own, which stays there
Address = 10.200.0.9/32, fd00::9/128

# lead, through which it reaches all members with an interface
[Peer]
PublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
# PresharedKey = the one you gave
AllowedIPs = 10.200.0.0/16, fd00::/64
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25

# Members that come later are reached through the same peer.
`,
  );
});

Deno.test("deviceConfig() of a device without a hub has every member as a peer of its own", () => {
  const text = deviceConfig(direct, { presharedKey: "ours" });
  assert.deepEqual(text.match(/^(# (lead|web-1)|AllowedIPs.*|# Endpoint.*|# Pre.*)$/mg), [
    "# lead",
    "# PresharedKey = the one you gave",
    "AllowedIPs = 10.200.0.1/32",
    "# web-1",
    "AllowedIPs = 10.200.0.2/32",
    "# Endpoint = where web-1 can be reached, which nobody knows",
  ]);
  assert.match(text, /^# The same command prints the members again when there are more of them\.$/m);
});

Deno.test("deviceConfig() remembers a preshared key that the hub knows and nobody says again", () => {
  const text = deviceConfig({ ...viaHub, hasPresharedKey: true }, {});
  assert.match(text, /^PublicKey = .*\n# PresharedKey = the one you gave$/m);
});

Deno.test("deviceConfig() keeps nothing alive for a device that can be found", () => {
  const text = deviceConfig(viaHub, { endpoint: "192.0.2.9:51820" });
  assert.doesNotMatch(text, /Persistent|Preshared/);
});

Deno.test("deviceConfig() has what was made and chosen here, and the MTU of a hub that takes less than usual", () => {
  const text = deviceConfig(
    { ...viaHub, mtuBytes: 1280 },
    { privateKey: "mine", presharedKey: "ours", dns: "9.9.9.9", allowed: ["0.0.0.0/0", "::/0"] },
  );
  assert.match(text, /^PrivateKey = mine\nAddress = .*\nDNS = 9\.9\.9\.9\nMTU = 1280$/m);
  assert.match(
    text,
    /^PresharedKey = ours\nAllowedIPs = 10\.200\.0\.0\/16, fd00::\/64, 0\.0\.0\.0\/0, ::\/0$/m,
  );
  assert.equal(text.match(/0\.0\.0\.0\/0/g)?.length, 1);
});

Deno.test("compactConfig() fits a terminal of 80 columns as a QR code, with all that a phone is told", () => {
  const key = "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=";
  const longest: AddedDevice = {
    ...viaHub,
    addresses: ["10.200.123.234", "fd12:3456:789a:bcde::ac8:7bea"],
    mtuBytes: 1380,
    peers: viaHub.peers.map((peer) => ({
      ...peer,
      publicKey: key,
      allowedIps: ["10.200.0.0/16", "fd12:3456:789a:bcde::/64"],
      endpoint: "203.0.113.234:51820",
    })),
  };
  const dns = "10.200.123.235, weft.internal";
  const text = deviceConfig(longest, { privateKey: key, presharedKey: key, dns });
  const compact = compactConfig(text);
  assert.doesNotMatch(compact, /^#| = |, |\n\n/m);
  assert.match(compact, /^PrivateKey=K7\+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=$/m);
  const columns = (encodeQr(compact)?.size ?? 99) + 8;
  assert.ok(columns <= 80, `${columns} columns for ${compact.length} bytes`);
});
