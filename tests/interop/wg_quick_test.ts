import assert from "node:assert/strict";
import {
  generateKeys,
  type Host,
  Lab,
  labTest,
  PACKET_PLANE,
  pingMany,
  skippedLine,
  uniqueInterfaceName,
  waitFor,
  weftCommand,
  type WireGuardKeys,
} from "../lab/mod.ts";

const NAME = "wg-quick brings weft interfaces up and down, by a default route too";

labTest(
  NAME,
  [...PACKET_PLANE, "wg", "wg-quick", "nft"],
  async (test) => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    if ((await a.namespace.run("ip link add probe type wireguard".split(" "))).code === 0) {
      // wg-quick takes the kernel's implementation wherever there is one.
      // deno-lint-ignore no-console -- the reason of a skipped test belongs in the runner's output
      console.log(skippedLine(NAME, "needs a kernel without WireGuard"));
      return;
    }
    const [keysA, keysB] = [await generateKeys(), await generateKeys()];
    const quickA = await Quick.make(lab, a, {
      keys: keysA,
      lines: ["Address = 10.9.0.1/24, fd00:9::1/64", "ListenPort = 51820", "MTU = 1400"],
      peer: { keys: keysB, lines: ["AllowedIPs = 10.9.0.2/32, fd00:9::2/128"] },
    });
    const quickB = await Quick.make(lab, b, {
      keys: keysB,
      lines: ["Address = 10.9.0.2/24, fd00:9::2/64", "SaveConfig = false"],
      peer: {
        keys: keysA,
        lines: [
          "AllowedIPs = 0.0.0.0/0, ::/0",
          `Endpoint = ${a.address4}:51820`,
          "PersistentKeepalive = 25",
        ],
      },
    });

    await test.step("up", async () => {
      assert.match(await quickA.run("up"), /userspace implementation/);
      await quickB.run("up");
      const [link] = await a.namespace.ipJson(`link show dev ${quickA.name}`);
      assert.equal(link?.["mtu"], 1400);
      // B sends everything through the tunnel but what is marked, which is the tunnel itself.
      assert.match(await b.namespace.expectRun(["wg", "show", quickB.name, "fwmark"]), /^0xca6c/);
      const [route] = await b.namespace.ipJson("route get 198.51.100.1");
      assert.equal(route?.["dev"], quickB.name);
      await waitFor(async () => await pingMany(b, "10.9.0.1", 1) === 1, 10_000, { what: "B reaches A" });
      assert.equal(await pingMany(b, "10.9.0.1", 10), 10);
      assert.equal(await pingMany(a, "fd00:9::2", 10), 10);
    });

    await test.step("save keeps what wg set changed", async () => {
      const { publicKey } = keysB;
      await a.namespace.expectRun([
        ..."wg set".split(" "),
        ...[quickA.name, "peer", publicKey, "allowed-ips", "10.9.0.2/32,10.77.0.0/16"],
      ]);
      await quickA.run("save");
      const saved = await Deno.readTextFile(quickA.path);
      assert.match(saved, /AllowedIPs = 10\.9\.0\.2\/32, 10\.77\.0\.0\/16/);
      assert.match(saved, new RegExp(`Endpoint = ${b.address4.replaceAll(".", "\\.")}:`));
    });

    await test.step("down leaves nothing", async () => {
      for (const quick of [quickA, quickB]) {
        await quick.run("down");
        const { namespace } = quick.host;
        const isClean = async () =>
          (await namespace.processes()).length === 0 && !await namespace.hasInterface(quick.name);
        await waitFor(isClean, 5_000, { what: `${quick.name} is gone` });
      }
      const rules = await b.namespace.ipJson("rule show");
      assert.equal(rules.some((rule) => "fwmark" in rule), false);
    });
  },
);

/** One configuration file, and `wg-quick` with a program `weft` on its path. */
class Quick {
  readonly host: Host;
  readonly name: string;
  readonly path: string;

  private constructor(host: Host, name: string) {
    this.host = host;
    this.name = name;
    this.path = `${host.folder}/${name}.conf`;
  }

  static async make(lab: Lab, host: Host, options: {
    readonly keys: WireGuardKeys;
    readonly lines: readonly string[];
    readonly peer: { readonly keys: WireGuardKeys; readonly lines: readonly string[] };
  }): Promise<Quick> {
    const quick = new Quick(host, uniqueInterfaceName());
    const text = [
      "[Interface]",
      `PrivateKey = ${options.keys.privateKey}`,
      ...options.lines,
      "[Peer]",
      `PublicKey = ${options.peer.keys.publicKey}`,
      ...options.peer.lines,
      "",
    ];
    await Deno.writeTextFile(quick.path, text.join("\n"), { mode: 0o600 });
    const program = `${lab.scratch.path}/weft`;
    await Deno.writeTextFile(program, `#!/bin/sh\nexec ${weftCommand().join(" ")} "$@"\n`, { mode: 0o755 });
    return quick;
  }

  /** @returns what `wg-quick` said @throws Error when it fails */
  async run(command: "up" | "down" | "save"): Promise<string> {
    const folder = this.path.slice(0, this.path.lastIndexOf("/", this.path.lastIndexOf("/") - 1));
    const { code, stdout, stderr } = await this.host.namespace.run(["wg-quick", command, this.path], {
      env: {
        WG_QUICK_USERSPACE_IMPLEMENTATION: "weft",
        PATH: `${folder}:${Deno.env.get("PATH")}:/usr/sbin:/sbin`,
      },
    });
    assert.equal(code, 0, `wg-quick ${command} ${this.name}:\n${stdout}${stderr}`);
    return stdout + stderr;
  }
}
