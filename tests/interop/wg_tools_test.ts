import assert from "node:assert/strict";
import {
  assertRefusal,
  generateKeys,
  generatePresharedKey,
  labTest,
  NetworkNamespace,
  PACKET_PLANE,
  uniqueInterfaceName,
  waitFor,
  weftCommand,
  WgDevice,
} from "../lab/mod.ts";

const NEEDS = [...PACKET_PLANE, "wg"];

labTest("wg shows and sets all there is of a weft interface", NEEDS, async (test) => {
  await using host = await NetworkNamespace.create("tools");
  await using device = await WgDevice.start(host, { implementation: "weft", port: 51821 });
  const { name } = device;
  const first = (await generateKeys()).publicKey;
  const second = (await generateKeys()).publicKey;
  const psk = await generatePresharedKey();

  await test.step("wg set, wg show", async () => {
    const file = await device.file(psk);
    await device.setPeer(
      first,
      "preshared-key",
      file,
      "endpoint",
      "192.0.2.9:7",
      "persistent-keepalive",
      "25",
    );
    await device.setPeer(first, "allowed-ips", "10.1.0.0/16,fd00:1::/64,10.2.3.4");
    await device.setPeer(second, "endpoint", "[2001:db8::9]:8", "allowed-ips", "10.3.0.0/16");
    await device.set("fwmark", "0x1234");
    const dump = (await device.wg("show", name, "dump")).trimEnd().split("\n");
    assert.deepEqual(dump, [
      [device.keys.privateKey, device.keys.publicKey, "51821", "0x1234"].join("\t"),
      [first, psk, "192.0.2.9:7", "10.1.0.0/16,fd00:1::/64,10.2.3.4/32", 0, 0, 0, 25].join("\t"),
      [second, "(none)", "[2001:db8::9]:8", "10.3.0.0/16", 0, 0, 0, "off"].join("\t"),
    ]);
    assert.match(await device.wg("show", "interfaces"), new RegExp(`\\b${name}\\b`));
  });

  await test.step("an allowed prefix moves to another peer, and goes with it", async () => {
    await device.setPeer(second, "allowed-ips", "10.1.0.0/16,10.3.0.0/16");
    assert.equal((await device.peer(first)).allowedIps, "fd00:1::/64,10.2.3.4/32");
    await device.setPeer(second, "remove");
    assert.deepEqual([...(await device.peers()).keys()], [first]);
    await device.setPeer(first, "preshared-key", "/dev/null", "persistent-keepalive", "off");
    assert.equal((await device.wg("show", name, "preshared-keys")).trim(), `${first}\t(none)`);
    assert.equal((await device.peer(first)).keepalive, "off");
  });

  await test.step("showconf gives what setconf takes; syncconf and addconf change the rest", async () => {
    const saved = await device.wg("showconf", name);
    await device.wg("setconf", name, "/dev/null");
    assert.equal(await device.wg("showconf", name), "[Interface]\n\n");
    await device.wg("setconf", name, await device.file(saved));
    assert.equal(await device.wg("showconf", name), saved);
    const added = `[Peer]\nPublicKey = ${second}\nAllowedIPs = 10.4.0.0/16\n`;
    await device.wg("addconf", name, await device.file(added));
    assert.deepEqual([...(await device.peers()).keys()], [first, second]);
    await device.wg("syncconf", name, await device.file(saved));
    assert.equal(await device.wg("showconf", name), saved);
  });

  await test.step("its own key is no peer; without a key it has none", async () => {
    await device.setPeer(device.keys.publicKey, "allowed-ips", "10.9.0.0/16");
    assert.equal((await device.peers()).has(device.keys.publicKey), false);
    await device.set("private-key", "/dev/null");
    assert.equal((await device.wg("show", name, "private-key")).trim(), "(none)");
  });
});

labTest("wg configures many peers and prefixes of a weft interface", NEEDS, async (test) => {
  await using host = await NetworkNamespace.create("many");
  await using device = await WgDevice.start(host, { implementation: "weft" });
  const { name } = device;

  await test.step("130,560 prefixes in one setconf", async () => {
    const key = (await generateKeys()).publicKey;
    const lines: string[] = [];
    for (let i = 0; i < 256; i++) {
      const prefixes: string[] = [];
      for (let j = 1; j < 256; j++) prefixes.push(`${i}.${j}.0.0/16`, `fd00:${hex(i)}::${hex(j)}/128`);
      lines.push(`AllowedIPs = ${prefixes.join(", ")}`);
    }
    const path = await device.file(`[Peer]\nPublicKey = ${key}\n${lines.join("\n")}\n`);
    const startedAt = performance.now();
    await device.wg("setconf", name, path);
    const setAt = performance.now();
    await host.expectRun(["sh", "-c", `wg show ${name} allowed-ips > ${path}`]);
    const readAt = performance.now();
    const shown = (await Deno.readTextFile(path)).trimEnd().split(/\s/);
    assert.equal(new Set(shown.slice(1)).size, 130_560);
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(
      `130,560 prefixes: set in ${(setAt - startedAt).toFixed(0)} ms, read in ${
        (readAt - setAt).toFixed(0)
      } ms`,
    );
    assert(readAt - startedAt < 20_000);
  });

  await test.step("40 peers with 52 prefixes each, then 30 with none", async () => {
    const keys = await Promise.all(Array.from({ length: 40 }, async () => (await generateKeys()).publicKey));
    const peers = keys.map((key, i) => {
      const prefixes: string[] = [];
      for (let j = 0; j < 26; j++) {
        prefixes.push(`10.${i}.${j}.0/24`, `fd00:${hex(i + 1)}:${hex(j + 1)}::/48`);
      }
      return `[Peer]\nPublicKey = ${key}\nAllowedIPs = ${prefixes.join(",")}\n`;
    });
    await device.wg("setconf", name, await device.file(peers.join("\n")));
    const shown = await device.peers();
    assert.deepEqual([...shown.keys()], keys);
    for (const { allowedIps } of shown.values()) assert.equal(allowedIps.split(",").length, 52);
    const bare = keys.slice(0, 30);
    const text = bare.map((key) => `[Peer]\nPublicKey = ${key}\n`).join("\n");
    await device.wg("syncconf", name, await device.file(text));
    const left = await device.peers();
    assert.deepEqual([...left.keys()].sort(), [...bare].sort());
    for (const { allowedIps } of left.values()) assert.equal(allowedIps, "(none)");
  });
});

labTest("weft wg returns when the interface is ready, and ends cleanly", NEEDS, async (test) => {
  await using host = await NetworkNamespace.create("ends");
  const start = async (name: string) => {
    const { code, stdout, stderr } = await host.run(weftCommand("wg", name));
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    assert(await host.hasInterface(name));
  };
  const hasEnded = async (name: string) => {
    const nothingLeft = async () => (await host.processes()).length === 0 && !await host.hasInterface(name);
    await waitFor(nothingLeft, 5_000, { what: `${name} leaves nothing` });
    await assert.rejects(Deno.lstat(socketOf(name)), Deno.errors.NotFound);
  };

  await test.step("when the interface is deleted", async () => {
    const name = uniqueInterfaceName();
    await start(name);
    assertRefusal(await host.run(weftCommand("wg", name)), { code: 1, says: new RegExp(name) });
    await host.ip(`link del ${name}`);
    await hasEnded(name);
  });

  await test.step("when the socket is removed", async () => {
    const name = uniqueInterfaceName();
    await start(name);
    assert.equal((await Deno.lstat(socketOf(name))).mode, 0o140700);
    await Deno.remove(socketOf(name));
    await hasEnded(name);
  });

  await test.step("at SIGTERM and SIGINT", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const name = uniqueInterfaceName();
      await start(name);
      for (const pid of await host.processes()) Deno.kill(pid, signal);
      await hasEnded(name);
    }
  });

  await test.step("a name that is none is refused", async () => {
    for (const name of ["-", "a/b", "sixteen-letters-"]) {
      assertRefusal(await host.run(weftCommand("wg", "--", name)), { code: 2, says: /is no name/ });
    }
  });
});

function socketOf(name: string): string {
  return `/var/run/wireguard/${name}.sock`;
}

function hex(number: number): string {
  return number.toString(16);
}
