import assert from "node:assert/strict";
import { Lab, labTest, PACKET_PLANE, startMesh, uniqueInterfaceName, waitFor } from "../lab/mod.ts";

labTest(
  "weft up: wg show sees the mesh's interface, and wg set cannot change it",
  [...PACKET_PLANE, "wg"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const name = uniqueInterfaceName();
    // The sockets of all namespaces share one folder, so only one node has this name.
    const { nodes } = await startMesh(lab, ["A"], { args: ["--interface", name] });
    const [leader] = nodes;
    assert(leader !== undefined);
    const { namespace } = leader.host;
    const status = await leader.weft.status();
    await waitFor(async () => (await namespace.run(["wg", "show", name])).code === 0, 5_000);
    const added = await leader.weft.expectCommand(
      ...["peer", "add", "phone", "--json", "--public-key", "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk="],
    );
    const addresses: string[] = JSON.parse(added).addresses;
    const dump = (await namespace.expectRun(["wg", "show", name, "dump"])).trimEnd().split("\n");
    const [own = [], phone = []] = dump.map((line) => line.split("\t"));
    assert.deepEqual(own.slice(1), [status.node.publicKey, "51820", "off"]);
    const prefixes = addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
    assert.equal(phone[3], prefixes.join(","));

    const refused = await namespace.run(["wg", "set", name, "listen-port", "1"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Operation not permitted/);
    const path = `/var/run/wireguard/${name}.sock`;
    assert.equal((await Deno.lstat(path)).mode, 0o140700);
    assert.equal((await leader.weft.stop()).code, 0);
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  },
);
