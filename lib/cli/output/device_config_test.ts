import assert from "node:assert/strict";
import { deviceConfig } from "./device_config.ts";
import { sampleStatus } from "../testing/sample_ports.ts";

const device = { name: "router", addresses: ["10.200.0.9", "fd00::9"] };

Deno.test("deviceConfig() has the members as peers, and no other device", () => {
  assert.equal(
    deviceConfig(device, { presharedKey: "ours" }, sampleStatus),
    `# router is 10.200.0.9, fd00::9. Its configuration, for wg-quick:

[Interface]
# PrivateKey = the device's own, which stays there
Address = 10.200.0.9/32, fd00::9/128

# lead
[Peer]
PublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
# PresharedKey = the one you gave
AllowedIPs = 10.200.0.1/32
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25

# web-1
[Peer]
PublicKey = K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=
AllowedIPs = 10.200.0.2/32
Endpoint = 192.0.2.2:51820
PersistentKeepalive = 25

# The same command prints the members again when there are more of them.
`,
  );
});

Deno.test("deviceConfig() keeps nothing alive for a device that can be found", () => {
  const text = deviceConfig(device, { endpoint: "192.0.2.9:51820" }, sampleStatus);
  assert.doesNotMatch(text, /Persistent|Preshared/);
});

Deno.test("deviceConfig() has what was made and chosen here", () => {
  const text = deviceConfig(
    device,
    { privateKey: "mine", presharedKey: "ours", dns: "9.9.9.9", allowed: ["0.0.0.0/0", "::/0"] },
    sampleStatus,
  );
  assert.match(text, /^PrivateKey = mine\nAddress = .*\nDNS = 9\.9\.9\.9$/m);
  assert.match(text, /^PresharedKey = ours\nAllowedIPs = 10\.200\.0\.1\/32, 0\.0\.0\.0\/0, ::\/0$/m);
  assert.equal(text.match(/0\.0\.0\.0\/0/g)?.length, 1);
});
