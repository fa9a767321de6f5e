import assert from "node:assert/strict";
import { Lab, labTest, PACKET_PLANE, pingMany, startMesh, waitFor, WgDevice } from "../lab/mod.ts";

labTest(
  "weft peer add --wireguard makes a configuration that brings a device in, and remove cuts it off",
  [...PACKET_PLANE, "wg", "wg-quick", "wireguard-go"],
  async () => {
    await using lab = await Lab.create(["A", "B", "P"]);
    const { nodes: [leader, member] } = await startMesh(lab, ["A", "B"]);
    assert(leader !== undefined && member !== undefined);
    await leader.weft.untilStatus((status) => status.peers.length === 1, 10_000, "B is a peer");
    const config = await leader.weft.expectCommand("peer", "add", "phone", "--wireguard");

    const phone = lab.host("P");
    const path = `${phone.folder}/phone.conf`;
    await Deno.writeTextFile(path, config, { mode: 0o600 });
    const stripped = await phone.namespace.expectRun(["wg-quick", "strip", path]);
    const addresses = /^Address = (.*)$/m.exec(config)?.[1]?.split(", ") ?? [];
    const device = lab.use(
      await WgDevice.start(phone.namespace, { implementation: "wireguard-go", addresses }),
    );
    await device.wg("setconf", device.name, await device.file(stripped));
    for (const { address } of [leader, member]) {
      await phone.namespace.ip(`route add ${address}/32 dev ${device.name}`);
      await waitFor(async () => await pingMany(phone, address, 1) === 1, 10_000, {
        what: `P reaches ${address}`,
      });
      assert.equal(await pingMany(phone, address, 5), 5);
    }
    const [own = ""] = addresses.map((address) => address.split("/")[0]);
    assert.equal(await pingMany(member.host, own, 3), 3);

    await leader.weft.expectCommand("peer", "remove", "phone");
    for (const { address } of [leader, member]) {
      await waitFor(async () => await pingMany(phone, address, 1) === 0, 10_000, { what: "P is cut off" });
    }
  },
);
