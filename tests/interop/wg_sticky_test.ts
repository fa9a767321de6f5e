import assert from "node:assert/strict";
import { Lab, labTest, PACKET_PLANE, pingMany, waitFor, WgDevice } from "../lab/mod.ts";

const [A4, B4] = ["10.9.0.1", "10.9.0.2"] as const;

labTest("weft wg answers from the address that it was called at", [...PACKET_PLANE, "wg"], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const [hostA, hostB] = [lab.host("A"), lab.host("B")];
  const start = async (host: typeof hostA, address: string) =>
    lab.use(
      await WgDevice.start(host.namespace, {
        implementation: "weft",
        addresses: [`${address}/24`],
        port: 51820,
      }),
    );
  const [a, b] = [await start(hostA, A4), await start(hostB, B4)];
  const [keyA, keyB] = [a.keys.publicKey, b.keys.publicKey];
  await a.setPeer(keyB, "allowed-ips", `${B4}/32`);
  await b.setPeer(keyA, "allowed-ips", `${A4}/32`);

  for (const version of [4, 6] as const) {
    const [own, second, bits] = version === 4
      ? [hostB.address4, "192.0.2.102", 24]
      : [hostB.address6, "2001:db8::102", 64];
    const caller = version === 4 ? hostA.address4 : hostA.address6;
    const at = (address: string) => `${version === 4 ? address : `[${address}]`}:51820`;
    // One that is deprecated (RFC 6724 §5, rule 3) is not what IPv6 chooses by itself.
    const flags = version === 4 ? "" : " nodad preferred_lft 0";
    const addSecond = () => hostB.namespace.ip(`addr add ${second}/${bits} dev eth0${flags}`);
    const whereBIs = async () => (await a.peer(keyB)).endpoint;

    await test.step(`IPv${version}: replies leave from there, and what follows`, async () => {
      await addSecond();
      await a.setPeer(keyB, "endpoint", at(second));
      assert.equal(await pingMany(hostA, B4, 5), 5);
      assert.equal(await whereBIs(), at(second));
      assert.equal(await pingMany(hostB, A4, 5), 5);
      assert.equal(await whereBIs(), at(second));
    });

    await test.step(`IPv${version}: an address that is removed is left`, async () => {
      await hostB.namespace.ip(`addr del ${second}/${bits} dev eth0`);
      assert.equal(await pingMany(hostB, A4, 5), 5);
      assert.equal(await whereBIs(), at(own));
    });

    await test.step(`IPv${version}: an explicit endpoint leaves it too`, async () => {
      await addSecond();
      await a.setPeer(keyB, "endpoint", at(second));
      assert.equal(await pingMany(hostA, B4, 5), 5);
      assert.equal(await whereBIs(), at(second));
      await b.setPeer(keyA, "endpoint", at(caller));
      await waitFor(async () => await pingMany(hostB, A4, 1) === 1, 5_000);
      assert.equal(await whereBIs(), at(own));
      await hostB.namespace.ip(`addr del ${second}/${bits} dev eth0`);
    });
  }
});
