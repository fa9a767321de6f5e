import assert from "node:assert/strict";
import { JoinToken } from "../../lib/mesh/mod.ts";
import {
  assertRefusal,
  CapturedProcess,
  type Finished,
  type Host,
  Lab,
  labTest,
  nodeOn,
  PACKET_PLANE,
  weftCommand,
} from "../lab/mod.ts";

/** What a first start meets on its host, and what it says of it. */
interface Obstacle {
  readonly name: string;
  readonly says: RegExp;
  /** Runs `command` on a host that has the obstacle. */
  meet(host: Host, command: readonly string[]): Promise<Finished>;
}

/** Holds a port while the command runs. */
async function withPort(host: Host, listen: string, command: readonly string[]): Promise<Finished> {
  const program = `${listen}; console.log("ready"); setInterval(() => {}, 1e6);`;
  const line = host.namespace.command([Deno.execPath(), "eval", "--unstable-net", program]);
  await using holder = new CapturedProcess(line, { label: "holds a port" });
  await holder.until((process) => process.stdout.includes("ready") || undefined, 10_000, "it listens");
  return await host.namespace.run(command);
}

const held = (name: string, says: RegExp, listen: string): Obstacle => ({
  name,
  says,
  meet: (host, command) => withPort(host, listen, command),
});

const OBSTACLES: readonly Obstacle[] = [
  held("the page's port", /127\.0\.0\.1:9180/, `Deno.listen({ hostname: "127.0.0.1", port: 9180 })`),
  held("the TCP port", /TCP port 51820/, `Deno.listen({ hostname: "0.0.0.0", port: 51820 })`),
  held(
    "the UDP port",
    /UDP port 51820/,
    `Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 51820 })`,
  ),
  {
    name: "an interface of the name that was asked for",
    says: /weft0: there is one of that name/,
    async meet({ namespace }, command) {
      await namespace.ip("link add weft0 type veth peer name other0");
      const finished = await namespace.run([...command, "--interface", "weft0"]);
      await namespace.ip("link del weft0");
      return finished;
    },
  },
  {
    name: "a route that overlaps",
    says: /overlaps the route 10\.9\.7\.0\/24/,
    async meet({ namespace }, command) {
      await namespace.ip("route add 10.9.7.0/24 dev eth0");
      const finished = await namespace.run(command);
      await namespace.ip("route del 10.9.7.0/24 dev eth0");
      return finished;
    },
  },
  {
    name: "no TUN",
    says: /\/dev\/net\/tun/,
    meet({ namespace, folder }, command) {
      const hide = `mkdir -p ${folder}/empty && mount --bind ${folder}/empty /dev/net && exec "$@"`;
      return namespace.run(["unshare", "--mount", "sh", "-c", hide, "sh", ...command]);
    },
  },
  {
    name: "no root",
    says: /needs root/,
    meet: ({ namespace }, command) => namespace.run(["unshare", "--user", ...command]),
  },
];

/** It is found when the interface has its address, so after the network was made or joined; without it names are just off. */
const LATE_ARGS = ["--dns", "on"];
const LATE = held(
  "the name server's port",
  /15353/,
  `Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 15353 })`,
);

labTest("weft --leader: a first start that fails leaves no network behind", [
  ...PACKET_PLANE,
  "unshare",
  "mount",
], async (test) => {
  await using lab = await Lab.create(["A"]);
  const host = lab.host("A");
  const stateDir = `${host.folder}/state`;
  const lead = (...more: readonly string[]) =>
    weftCommand("--leader", "--cidr", "10.9.0.0/16", ...more, "--state", stateDir);
  const up = weftCommand("up", "--state", stateDir);
  for (const { name, says, meet } of [...OBSTACLES, LATE]) {
    await test.step(name, async () => {
      assertRefusal(await meet(host, lead(...LATE_ARGS)), { code: 1, says });
      assertRefusal(await host.namespace.run(up), { code: 1, says: /there is no node in the state/ });
    });
  }
  await test.step("twice at once", async () => {
    const [first, second] = await Promise.all([1, 2].map((number) => {
      const line = lead("--port", `5182${number}`, "--status-port", "off", "--interface", `weft${number}`);
      return untilStarted(new CapturedProcess(host.namespace.command(line), { label: `leader ${number}` }));
    }));
    assert.deepEqual([first, second].map((started) => started?.includes("is 10.9.0.1")).sort(), [
      false,
      true,
    ]);
    assert.match([first, second].join("\n"), /in use/);
    await Deno.remove(stateDir, { recursive: true });
  });
  await test.step("another network then", async () => {
    assertRefusal(await OBSTACLES[0]?.meet(host, lead()) ?? assert.fail(), { code: 1, says: /9180/ });
    const leader = nodeOn(lab, "A", { args: ["--cidr", "10.8.0.0/16"] });
    assert.equal(leader.stateDir, stateDir);
    await leader.startLeader();
    assert.deepEqual((await leader.status()).network.cidr, "10.8.0.0/16");
  });
});

/** @returns what it says until it runs or ends; then it is ended */
async function untilStarted(process: CapturedProcess): Promise<string> {
  await using agent = process;
  const hasEnded = agent.finished.then(() => true);
  const runs = agent.until((process) => /weft --join/.test(process.stdout) || undefined, 20_000, "it runs");
  await Promise.race([hasEnded, runs]).catch(() => {});
  runs.catch(() => {});
  const said = agent.stdout + agent.stderr;
  if (/weft --join/.test(said)) await agent.stop("SIGINT", 10_000);
  return said;
}

labTest("weft --join: whoever can't run asks nobody, and whoever has joined all the same is told", [
  ...PACKET_PLANE,
  "unshare",
  "mount",
], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const host = lab.host("B");
  const leader = nodeOn(lab, "A", { args: ["--cidr", "10.9.0.0/16"] });
  const token = await leader.startLeader();
  const stateDir = `${host.folder}/state`;
  const join = weftCommand("--join", token, "--name", "b", ...LATE_ARGS, "--state", stateDir);
  for (const { name, says, meet } of OBSTACLES) {
    await test.step(name, async () => {
      assertRefusal(await meet(host, join), { code: 1, says });
      assert.deepEqual((await leader.status()).peers, []);
    });
  }
  await test.step("found too late", async () => {
    const finished = await LATE.meet(host, join);
    assertRefusal(finished, {
      code: 1,
      says: /^weft: This machine has joined as b, but does not run: .*15353/,
    });
    assert.match(finished.stderr, /^hint: .*`weft up` resumes it\.$/m);
    const member = nodeOn(lab, "B");
    const { node } = await member.start("up");
    assert.equal(node.name, "b");
  });
});

labTest("weft up: what a start was told holds until something else is said", PACKET_PLANE, async (test) => {
  await using lab = await Lab.create(["A"]);
  const { namespace, folder } = lab.host("A");
  const leader = nodeOn(lab, "A");
  const file = `${folder}/weft.yaml`;
  await Deno.writeTextFile(file, "mtu: 1300\n");
  const token = await leader.startLeader(
    ...["--port", "5555", "--dns", "off", "--status-port", "9555", "--interface", "weft7"],
    ...["--offer", "80=3000", "--no-discovery", "--config", file],
  );
  assert.match(leader.process.stdout, /^It is good for 24 h\./m);
  await leader.stop();

  const settings = async (...more: readonly string[]) => {
    const reports = JSON.parse(await leader.expectCommand("config", "show", "--json", ...more));
    return new Map<string, { value: unknown; source: string; next?: unknown }>(
      reports.map((report: { name: string }) => [report.name, report]),
    );
  };
  const check = async () => {
    const shown = await settings();
    const values = ["port", "dns", "status-port", "interface", "discovery", "mtu"].map((name) => {
      const { value, source } = shown.get(name) ?? assert.fail(name);
      return `${name} ${value} ${source}`;
    });
    assert.deepEqual(values, [
      "port 5555 kept",
      "dns off kept",
      "status-port 9555 kept",
      "interface weft7 kept",
      "discovery false kept",
      "mtu 1300 file",
    ]);
    assert.equal(shown.get("name")?.source, "network");
  };

  await test.step("stopped", check);
  await test.step("resumed", async () => {
    const { node } = await leader.start("up");
    assert.match(leader.process.stdout, /^As at earlier starts: .*port 5555.*$/m);
    assert.match(leader.process.stdout, /127\.0\.0\.1:9555/);
    assert.equal(await namespace.hasInterface("weft7"), true);
    await check();
    assert(node.addresses.includes("10.200.0.1"));
  });
  await test.step("changed while it runs", async () => {
    const said = await leader.expectCommand("config", "set", "port", "5556");
    assert.match(said, /takes effect at the next start/);
    assert.equal((await settings()).get("port")?.next, "5556");
    await leader.expectCommand("config", "unset", "status-port");
    await leader.stop();
    await leader.start("up");
    assert.match(leader.process.stdout, /127\.0\.0\.1:9180/);
    assert.equal((await settings()).get("port")?.value, "5556");
    await leader.stop();
  });
  await test.step("the same token, when it leads again", async () => {
    assert.equal(tokenId(await leader.startLeader("--port", "5555")), tokenId(token));
    const tokens = JSON.parse(await leader.get("/tokens"));
    assert.equal(tokens.length, 1);
    await leader.expectCommand("token", "revoke", tokens[0].id);
    await leader.stop();
    assert.notEqual(tokenId(await leader.startLeader()), tokenId(token));
    await leader.stop();
  });
  await test.step("as rootless, and back", async () => {
    await leader.start("up", "--rootless");
    assert.equal(await namespace.hasInterface("weft7"), false);
    await leader.stop();
    await leader.start("up");
    assert.equal(await namespace.hasInterface("weft7"), false);
    await leader.stop();
    await leader.start("up", "--no-rootless");
    assert.equal(await namespace.hasInterface("weft7"), true);
    await leader.stop();
  });
  await test.step("a file that is gone", async () => {
    await Deno.remove(file);
    const gone = await namespace.run(weftCommand("up", "--state", leader.stateDir));
    assertRefusal(gone, { code: 2, says: /weft\.yaml, which an earlier start named by --config/ });
    assert.match(await leader.expectCommand("config", "unset", "config"), /^config is not kept any more$/m);
    await leader.start("up");
  });
});

function tokenId(text: string): string {
  const token = JoinToken.parse(text);
  assert(token instanceof JoinToken);
  return token.tokenId;
}
