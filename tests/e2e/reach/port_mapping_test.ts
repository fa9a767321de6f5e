/**
 * Ports that a real daemon opens in a router with NAT: by each protocol, renewed, reached from outside, and taken back.
 * @module
 */

import assert from "node:assert/strict";
import type { StatusReport } from "../../../lib/api/mod.ts";
import {
  type CapturedProcess,
  labTest,
  NAMESPACES,
  PACKET_PLANE,
  pause,
  thoroughIf,
  trustedProgram,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";
import { HomeNetwork, MAPPING_TOOLS } from "./home_network.ts";

const BOUND_MS = 20_000;
/** So that a renewal, after half of it, need not be waited for. */
const LIFETIME_SECONDS = 4;

/** What `gateway_echo.ts` prints. */
interface Said {
  readonly kind: string;
  readonly protocol?: string;
  readonly ports: { readonly udp?: string; readonly tcp?: string };
  readonly failures?: Readonly<Record<string, string>>;
  readonly drops: Readonly<Record<string, number>>;
}

const IPV4 = [HomeNetwork.ROUTER, HomeNetwork.HOME] as const;
const IPV6 = [HomeNetwork.ROUTER6, HomeNetwork.HOME6] as const;

interface EchoOptions {
  /** Of the router, and of the home's host. */
  readonly addresses?: readonly [string, string];
  readonly port: number;
  readonly lifetimeSeconds?: number;
  readonly protocols: readonly string[];
}

function startEcho(
  home: HomeNetwork,
  { addresses = IPV4, port, lifetimeSeconds = LIFETIME_SECONDS, protocols }: EchoOptions,
): CapturedProcess {
  const args = [...addresses, `${port}`, `${lifetimeSeconds}`, ...protocols];
  return home.use(
    home.home.spawn(trustedProgram("gateway_echo.ts", args), { label: `gateway_echo ${protocols}` }),
  );
}

const lastSaid = ({ stdout }: CapturedProcess): Said | undefined => {
  const line = stdout.trim().split("\n").at(-1) ?? "";
  return line === "" ? undefined : JSON.parse(line);
};

/** @returns what comes back from `endpoint` for "ping", by UDP and by TCP */
async function echoes(home: HomeNetwork, { udp = "", tcp = "" }: Said["ports"]): Promise<string> {
  const script = `
const [[, udpHost, udpPort], [, tcpHost, tcpPort]] = Deno.args.map((text) => /^\\[?(.*?)\\]?:(\\d+)$/.exec(text));
const bytes = new TextEncoder().encode("ping");
const any = udpHost.includes(":") ? "::" : "0.0.0.0";
const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
await socket.send(bytes, { transport: "udp", hostname: udpHost, port: Number(udpPort) });
const [datagram] = await socket.receive();
const stream = await Deno.connect({ hostname: tcpHost, port: Number(tcpPort) });
await stream.write(bytes);
const buffer = new Uint8Array(16);
const length = await stream.read(buffer);
console.log(new TextDecoder().decode(datagram), new TextDecoder().decode(buffer.subarray(0, length)));
Deno.exit(0);`;
  const path = `${home.lab.scratch.path}/echo.ts`;
  await Deno.writeTextFile(path, script);
  const command = [Deno.execPath(), "run", "--quiet", "-A", "--unstable-net", "--no-config", path, udp, tcp];
  return (await home.outside.expectRun(["timeout", "15", ...command])).trim();
}

labTest(
  "PCP, NAT-PMP and UPnP: a port is open in miniupnpd, is renewed, and is closed at the stop",
  [...NAMESPACES, ...MAPPING_TOOLS, "timeout"],
  async (test) => {
    await using home = await HomeNetwork.create();
    const cases = [
      ["pcp", { upnp: false, natPmp: true }],
      ["nat-pmp", { upnp: false, natPmp: true }],
      ["upnp", { upnp: true, natPmp: false }],
      ["upnp", { upnp: true, natPmp: false, igd1: true }],
    ] as const;
    for (const [i, [protocol, speaks]] of cases.entries()) {
      const port = 41_001 + i;
      await test.step(`${protocol}${"igd1" in speaks ? ", IGD:1" : ""}`, async () => {
        await home.setDaemon(speaks);
        const echo = startEcho(home, { port, protocols: [protocol] });
        await echo.until((process) => lastSaid(process)?.kind === "mapped", BOUND_MS, "it is mapped");
        const said = lastSaid(echo) ?? assert.fail();
        const outside = `${HomeNetwork.PUBLIC}:${port}`;
        assert.equal(said.protocol, protocol);
        assert.deepEqual(said.ports, { udp: outside, tcp: outside });
        assert.equal(await echoes(home, said.ports), "ping ping");
        // UPnP's is renewed by the same act, PCP's and NAT-PMP's by a time that is later.
        const ends = await home.leases();
        const keys = [`UDP:${port}`, `TCP:${port}`];
        await waitFor(
          async () => {
            const later = await home.leases();
            return keys.every((key) => (later.get(key) ?? 0) > (ends.get(key) ?? Infinity));
          },
          BOUND_MS,
          { what: `${keys} are renewed` },
        );
        assert.equal((await home.mappings()).length, 2, (await home.mappings()).join("\n"));
        echo.signal("SIGTERM");
        assert.equal((await echo.finished).code, 0, echo.stderr);
        assert.deepEqual(await home.mappings(), []);
      });
    }
  },
);

for (const isRenewed of [false, true]) {
  const what = isRenewed ? "keeps it open" : "closes it at the stop";
  labTest(
    `PCP over IPv6: miniupnpd opens its firewall for a port, and ${what}`,
    [...NAMESPACES, ...MAPPING_TOOLS, "timeout", ...thoroughIf(isRenewed)],
    async () => {
      await using home = await HomeNetwork.create({ speaks: { upnp: false, natPmp: true, ipv6: true } });
      const port = 41_011;
      const own = { udp: `[${HomeNetwork.HOME6}]:${port}`, tcp: `[${HomeNetwork.HOME6}]:${port}` };
      const lifetimeSeconds = isRenewed ? LIFETIME_SECONDS : 60;
      const echo = startEcho(home, { addresses: IPV6, port, lifetimeSeconds, protocols: ["pcp"] });
      await echo.until((process) => lastSaid(process)?.kind === "mapped", BOUND_MS, "it is mapped");
      const said = lastSaid(echo) ?? assert.fail();
      assert.deepEqual([said.protocol, said.ports], ["pcp", own]);
      const holes = [`tcp ${port} ${HomeNetwork.HOME6}`, `udp ${port} ${HomeNetwork.HOME6}`];
      assert.deepEqual(await home.pinholes(), holes);
      assert.equal(await echoes(home, own), "ping ping");
      if (isRenewed) {
        // Without a renewal nothing would be there.
        await pause(1_500 * LIFETIME_SECONDS);
        assert.deepEqual(await home.pinholes(), holes);
      }
      echo.signal("SIGTERM");
      assert.equal((await echo.finished).code, 0, echo.stderr);
      // Version 2.3.1 of the daemon forgets with a renewal whose a hole is, and keeps it until it expires.
      await waitFor(async () => (await home.pinholes()).length === 0, BOUND_MS, {
        what: "the holes are closed",
      });
    },
  );
}

labTest(
  "a leader behind a NAT whose router has opened its port is joined from outside, and reached through the tunnel",
  [...PACKET_PLANE, ...MAPPING_TOOLS],
  async () => {
    await using home = await HomeNetwork.create({ speaks: { upnp: false, natPmp: true } });
    // What the leader sends first is lost, so that nothing but what comes from outside by the mapping can bring them together.
    await home.outside.expectRun([
      ...[
        "nft",
        "add table inet own; add chain inet own input { type filter hook input priority 0; policy drop; };",
      ],
      "add rule inet own input ct state established,related accept; add rule inet own input iifname != eth0 accept",
    ]);
    const folder = home.lab.scratch.path;
    const leader = home.use(new WeftNode(home.home, { name: "home", stateDir: `${folder}/home` }));
    const token = await leader.startLeader();
    const mapped = `${HomeNetwork.PUBLIC}:51820`;
    const { node } = await leader.untilStatus(
      ({ node: { endpoints } }) => endpoints.includes(mapped),
      BOUND_MS,
      "it states the port that is open in the router",
    );
    assert.equal(node.endpoints[0], mapped);
    const guest = home.use(
      new WeftNode(home.outside, { name: "guest", stateDir: `${folder}/guest` }),
    );
    await guest.start("--join", token);
    await waitFor(
      async () => {
        const { code } = await home.outside.run(["ping", "-c", "1", "-W", "1", node.addresses[0] ?? ""]);
        return code === 0;
      },
      BOUND_MS,
      { what: "the guest reaches the leader through the tunnel" },
    );
    // On a busy machine the link carries the first ones, and a search that found nothing is repeated after 20 s.
    const isUsed = ({ peers: [peer] }: StatusReport) => peer?.endpoint === mapped;
    await guest.untilStatus(isUsed, 2 * BOUND_MS, "packets go to the port");

    // What a crash has left in the router is this node's still, and is closed with the rest.
    await leader.kill();
    assert.equal((await home.mappings()).length, 2);
    await leader.start("up");
    const again = await leader.untilStatus(
      ({ portMapping }) => portMapping?.[0]?.state === "mapped",
      BOUND_MS,
      "the port is mapped again",
    );
    assert.equal(again.portMapping?.[0]?.protocol, "pcp");
    assert.equal(again.portMapping?.[0]?.udp, mapped);
    await leader.stop();
    assert.deepEqual(await home.mappings(), []);
  },
);

labTest(
  "a gateway that lies by every protocol opens nothing, and sends nobody elsewhere",
  [...NAMESPACES, ...MAPPING_TOOLS],
  async () => {
    await using home = await HomeNetwork.create();
    const elsewhere = `${HomeNetwork.OUTSIDE}:8080`;
    const listener = home.use(
      home.outside.spawn([
        ...[Deno.execPath(), "eval", "--no-config"],
        `const l = Deno.listen({ port: 8080 }); console.log("ready"); for await (const c of l) console.log("dialled");`,
      ]),
    );
    const liar = home.use(
      home.router.spawn(trustedProgram("lying_gateway.ts", [HomeNetwork.ROUTER, elsewhere])),
    );
    for (const program of [listener, liar]) {
      await program.until(({ stdout }) => stdout.includes("ready"), BOUND_MS, "it is ready");
    }
    const echo = startEcho(home, { port: 41_009, protocols: ["pcp", "nat-pmp", "upnp"] });
    await echo.until((process) => lastSaid(process)?.kind === "unmapped", BOUND_MS, "it has given up");
    const { failures, drops } = lastSaid(echo) ?? assert.fail();
    assert.deepEqual(failures, { pcp: "not-public", "nat-pmp": "no-answer", upnp: "no-answer" });
    assert(
      (drops["mapping-nonsense"] ?? 0) > 0 && (drops["mapping-unasked"] ?? 0) > 0,
      JSON.stringify(drops),
    );
    assert.equal(liar.stdout.match(/^page$/gm)?.length, 1);
    assert(!listener.stdout.includes("dialled"));
  },
);
