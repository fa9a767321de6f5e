import assert from "node:assert/strict";
import { generatePresharedKey, Lab, labTest, PACKET_PLANE, WireGuardGo } from "../mod.ts";

/** The harness is proved on two devices that are known to be right before it judges ours. */
labTest(
  "WireGuardGo pairs reach each other through the lab",
  [...PACKET_PLANE, "wg", "wireguard-go"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    await using deviceA = await WireGuardGo.start(a.namespace, {
      folder: a.folder,
      addresses: ["10.200.0.1/24", "fd00:200::1/64"],
    });
    await using deviceB = await WireGuardGo.start(b.namespace, {
      folder: b.folder,
      addresses: ["10.200.0.2/24", "fd00:200::2/64"],
    });
    const presharedKey = await generatePresharedKey();
    await deviceA.setPeer({
      publicKey: deviceB.keys.publicKey,
      allowedIps: ["10.200.0.2/32", "fd00:200::2/128"],
      presharedKey,
    });
    await deviceB.setPeer({
      publicKey: deviceA.keys.publicKey,
      allowedIps: ["10.200.0.1/32", "fd00:200::1/128"],
      endpoint: `[${a.address6}]:51820`,
      presharedKey,
    });
    for (const address of ["10.200.0.1", "fd00:200::1"]) {
      await b.namespace.expectRun(["ping", "-q", "-c", "1", "-W", "5", address]);
    }
    const seen = await deviceA.peer(deviceB.keys.publicKey);
    assert(seen.latestHandshake > 0);
    assert(seen.rxBytes > 0 && seen.txBytes > 0);
    assert.equal(seen.endpoint, `[${b.address6}]:51820`);
  },
);
