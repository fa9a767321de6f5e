import assert from "node:assert/strict";
import { RequestReader } from "../../lib/uapi/mod.ts";
import {
  createScratch,
  labTest,
  NetworkNamespace,
  PACKET_PLANE,
  residentBytes,
  run,
  uniqueInterfaceName,
  WgDevice,
} from "../lab/mod.ts";

const KEY_1 = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
const KEY_2 = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=";
const HEX_1 = "61".repeat(32);
const HEX_2 = "62".repeat(32);
const NO_KEY = "00".repeat(32);

labTest("RequestReader reads what wg sends", ["root", "wg"], async () => {
  await using folder = await createScratch("requests");
  const file = async (text: string) => {
    const path = `${folder.path}/${crypto.randomUUID()}`;
    await Deno.writeTextFile(path, text);
    return path;
  };
  const key = await file(KEY_1);
  const config = await file(
    `[Interface]\nPrivateKey = ${KEY_1}\nListenPort = 51820\nFwMark = 0x10\n[Peer]\nPublicKey = ${KEY_2}\n` +
      `PresharedKey = ${KEY_1}\nAllowedIPs = 10.0.0.1/8, fd00::/8\nEndpoint = [2001:db8::1]:51820\n` +
      "PersistentKeepalive = 25\n",
  );
  const recorded: readonly (readonly [readonly string[], string])[] = [
    [
      ["set", "NAME", "private-key", key, "listen-port", "0", "fwmark", "off"],
      `private_key=${HEX_1}\nlisten_port=0\nfwmark=0\n`,
    ],
    [["set", "NAME", "peer", KEY_2, "remove"], `public_key=${HEX_2}\nremove=true\n`],
    [
      ["set", "NAME", "peer", KEY_2, "preshared-key", "/dev/null", "allowed-ips", ""],
      `public_key=${HEX_2}\npreshared_key=${NO_KEY}\nreplace_allowed_ips=true\n`,
    ],
    [
      ["setconf", "NAME", config],
      `private_key=${HEX_1}\nlisten_port=51820\nfwmark=16\nreplace_peers=true\npublic_key=${HEX_2}\n` +
      `preshared_key=${HEX_1}\nendpoint=[2001:db8::1]:51820\npersistent_keepalive_interval=25\n` +
      "replace_allowed_ips=true\nallowed_ip=10.0.0.1/8\nallowed_ip=fd00::/8\n",
    ],
  ];
  for (const [args, lines] of recorded) {
    const text = await record(args);
    assert.equal(text, `set=1\n${lines}\n`, args.join(" "));
    const [request, ...more] = new RequestReader().push(new TextEncoder().encode(text));
    assert.deepEqual([request?.kind, more.length], ["set", 0], args.join(" "));
  }
  assert.equal(await record(["show", "NAME"]), "get=1\n\n");
});

labTest("weft wg withstands whoever talks nonsense to its socket", [...PACKET_PLANE, "wg"], async (test) => {
  await using host = await NetworkNamespace.create("nonsense");
  await using device = await WgDevice.start(host, { implementation: "weft", port: 51822 });
  await device.set("peer", KEY_1, "allowed-ips", "10.1.0.0/16");
  const before = await device.wg("showconf", device.name);

  await test.step("a wrong set is answered with its errno and changes nothing", async () => {
    const head = `set=1\nlisten_port=1\nreplace_peers=true\npublic_key=${HEX_2}\n`;
    for (
      const [text, errno] of [
        [`${head}allowed_ip=10.0.0.0/33\n\n`, -22],
        [`${head}nonsense=1\n\n`, -22],
        [`${head}nonsense\n\n`, -71],
        [`set=1\nprivate_key=${HEX_1}ff\n\n`, -22],
        ["set=2\n", -71],
        ["get=1\nlisten_port=1\n\n", -71],
        ["x".repeat(10_000), -71],
      ] as const
    ) {
      assert.equal(await talk(device, text), `errno=${errno}\n\n`, text.slice(0, 200));
    }
    assert.equal(await device.wg("showconf", device.name), before);
  });

  await test.step("a port that is taken is EADDRINUSE, and nothing else of the set happens", async () => {
    const addresses = ["10.8.0.1/24"];
    await using other = await WgDevice.start(host, { implementation: "weft", addresses, port: 51823 });
    assert.match(await other.wg("show", other.name, "listen-port"), /^51823/);
    assert.equal(await talk(device, "set=1\nreplace_peers=true\nlisten_port=51823\n\n"), "errno=-98\n\n");
    assert.equal(await device.wg("showconf", device.name), before);
  });

  await test.step("requests that stop in the middle hold nobody up", async () => {
    const halves: Deno.UnixConn[] = [];
    for (let i = 0; i < 100; i++) {
      const half = await Deno.connect({ transport: "unix", path: device.socketPath });
      halves.push(half);
      await half.write(new TextEncoder().encode(i % 2 === 0 ? `set=1\npublic_key=${HEX_2}\nallo` : "ge"));
    }
    assert.equal(await device.wg("showconf", device.name), before);
    for (const half of halves) half.close();
    assert.equal(await device.wg("showconf", device.name), before);
  });

  await test.step("a request without end is cut off, in bounded memory", async () => {
    const line = `allowed_ip=10.0.0.0/8\n`;
    const chunk = new TextEncoder().encode(line.repeat(8192));
    using connection = await Deno.connect({ transport: "unix", path: device.socketPath });
    await writeAll(connection, new TextEncoder().encode(`set=1\npublic_key=${HEX_2}\n`));
    let sent = 0;
    const isCutOff = async () => {
      // Ten times what a request may have.
      while (sent < 8192 * 640) {
        await writeAll(connection, chunk);
        sent += 8192;
      }
    };
    await assert.rejects(isCutOff);
    const usedBytes = residentBytes(device.process.pid);
    assert(usedBytes < 600 << 20, `${usedBytes} bytes are resident`);
    assert.equal(await device.wg("showconf", device.name), before);
  });
});

/** Has `wg` talk to a socket of this test. @returns what it sent */
async function record(args: readonly string[]): Promise<string> {
  await Deno.mkdir("/var/run/wireguard", { recursive: true, mode: 0o755 });
  const name = uniqueInterfaceName();
  const path = `/var/run/wireguard/${name}.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  try {
    const finished = run(["wg", ...args.map((arg) => arg === "NAME" ? name : arg)]);
    let text = "";
    // It connects once just to see whether somebody is there.
    while (text === "") {
      using connection = await listener.accept();
      text = await readRequest(connection);
      if (text !== "") await writeAll(connection, new TextEncoder().encode("errno=0\n\n"));
    }
    const { code, stderr } = await finished;
    assert.equal(code, 0, stderr);
    return text;
  } finally {
    await Deno.remove(path);
  }
}

/** Sends `text`. @returns the answer */
async function talk(device: WgDevice, text: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path: device.socketPath });
  await writeAll(connection, new TextEncoder().encode(text));
  return await readRequest(connection);
}

/** Reads to an empty line. */
async function readRequest(connection: Deno.UnixConn): Promise<string> {
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  while (!text.endsWith("\n\n")) {
    const length = await connection.read(buffer);
    if (length === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, length));
  }
  return text;
}

async function writeAll(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
