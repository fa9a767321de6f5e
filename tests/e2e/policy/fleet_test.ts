import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { randomFraction, SeededRandom } from "../../../lib/base/mod.ts";
import { IpAddress } from "../../../lib/net/mod.ts";
import { type NetworkPolicySource, type PolicyRoster, readPolicyDocument } from "../../../lib/policy/mod.ts";
import { PolicyOracle } from "../../../lib/policy/testing/mod.ts";
import {
  IS_THOROUGH,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  untilAllKnowAll,
} from "../../lab/mod.ts";

const prober = fileURLToPath(new URL("../../lab/programs/port_prober.ts", import.meta.url));
const MEMBERS = IS_THOROUGH ? 12 : 6;
const RULES = 200;
const PORTS = [22, 80, 443, 5432, 8080];
const ROLES = ["web", "db", "api"];
const SOURCE_PORT = 40_000;
const seed = Number(Deno.env.get("WEFT_FUZZ_SEED") ?? 15);

/** Rules that are narrow enough for two hundred of them to leave both what is allowed and what is not. */
function policyOf(random: SeededRandom): NetworkPolicySource {
  const one = <T>(list: readonly T[]): T => list[Math.floor(randomFraction(random) * list.length)] as T;
  const selector = (): string =>
    one([
      `name=m${Math.floor(randomFraction(random) * MEMBERS)}`,
      `role=${one(ROLES)} && half=${one(["a", "b"])}`,
    ]);
  const rules = Array.from({ length: RULES }, () => {
    const match = {
      from: selector(),
      to: selector(),
      ports: `${one(["tcp", "udp"] as const)}/${one(PORTS)}`,
    } as const;
    return randomFraction(random) < 0.2 ? { deny: match } : { allow: match };
  });
  return { name: "fleet", rules };
}

labTest(
  `weft policy: ${MEMBERS} members and ${RULES} random rules, every pair and port as the oracle says, seed ${seed}`,
  ["thorough", ...PACKET_PLANE],
  async () => {
    const names = Array.from({ length: MEMBERS }, (_, i) => `M${i}`);
    await using lab = await Lab.create(names);
    // Every second one has the portable plane.
    const wefts = names.map((name, i) =>
      nodeOn(lab, name, { args: ["--dataplane", i % 2 === 0 ? "fast" : "portable"] })
    );
    const nodes: MeshNode[] = [];
    let token = "";
    for (const [i, weft] of wefts.entries()) {
      if (i === 0) token = await weft.startLeader();
      else await weft.start("--join", token);
      const address = (await weft.status()).node.addresses[0] ?? "";
      nodes.push({ host: lab.host(names[i] ?? ""), weft, address, upMs: 0 });
    }
    await untilAllKnowAll(nodes, 30_000);

    const source = { policies: [policyOf(new SeededRandom(seed))] };
    const [leader] = nodes;
    assert.ok(leader !== undefined);
    // What members call themselves authorises nothing.
    for (const [i, { weft }] of nodes.entries()) {
      await leader.weft.expectCommand(
        "label",
        weft.name,
        `role=${ROLES[i % 3]}`,
        `half=${i < MEMBERS / 2 ? "a" : "b"}`,
      );
    }
    const file = `${leader.host.folder}/policy.json`;
    await Deno.writeTextFile(file, JSON.stringify(source));
    await leader.weft.expectCommand("policy", "apply", file, "--yes");
    for (const { weft } of nodes) {
      await weft.process.until(
        async () =>
          (JSON.parse(await weft.get("/policies")) as { here: { revision: string | null } }).here.revision,
        10_000,
        "it enforces the policy",
      );
    }

    const go = `${leader.host.folder}/go`;
    const probes = nodes.map(({ host, weft, address }) => {
      const others = nodes.map((node) => node.address).filter((other) => other !== address);
      const args = [go, address, PORTS.join(","), others.join(",")];
      return lab.use(
        host.namespace.spawn([Deno.execPath(), "run", "--quiet", "-A", "--unstable-net", prober, ...args], {
          label: `prober ${weft.name}`,
        }),
      );
    });
    for (const probe of probes) {
      await probe.until(({ stdout }) => stdout.includes("ready"), 30_000, "it listens");
    }
    await Deno.writeTextFile(go, "");
    const results = await Promise.all(probes.map(async (probe) => {
      const line = await probe.until(
        ({ stdout }) => /^\{.*\}$/m.exec(stdout)?.[0],
        60_000,
        "it has tried all",
      );
      return JSON.parse(line) as {
        connected: { to: string; port: number; from: number }[];
        received: string[];
      };
    }));

    const roster: PolicyRoster = {
      members: nodes.map(({ address, weft }, i) => ({
        id: weft.name,
        name: weft.name,
        labels: { role: ROLES[i % 3] ?? "", half: i < MEMBERS / 2 ? "a" : "b" },
        addresses: [IpAddress.parse(address) ?? assert.fail(address)],
        services: [],
        roles: i === 0 ? ["leader", "member"] : ["member"],
        blocks: [],
      })),
      networks: [],
    };
    const oracle = new PolicyOracle(readPolicyDocument(source), roster, "mesh");
    const wrong: string[] = [];
    let [allowed, asked] = [0, 0];
    for (const [i, from] of nodes.entries()) {
      for (const [j, to] of nodes.entries()) {
        if (i === j) continue;
        for (const port of PORTS) {
          for (const protocol of [6, 17]) {
            const found = protocol === 6
              ? results[i]?.connected.some((one) => one.to === to.address && one.port === port)
              : results[j]?.received.includes(`${from.address} ${port}`);
            const wanted = oracle.decide(oracle.partyOf(from.weft.name), oracle.partyOf(to.weft.name), {
              kind: "packet",
              protocol,
              sourcePort: SOURCE_PORT,
              destinationPort: port,
            });
            asked++;
            if (wanted.isAllowed) allowed++;
            if (found !== wanted.isAllowed) {
              wrong.push(
                `${from.weft.name} → ${to.weft.name} ${protocol}/${port}: ${found}, by ${
                  wanted.rule ?? "default"
                }`,
              );
            }
          }
        }
      }
    }
    assert.equal(asked, MEMBERS * (MEMBERS - 1) * PORTS.length * 2);
    assert.ok(allowed > asked / 20 && allowed < asked * 19 / 20, `${allowed} of ${asked} are allowed`);
    assert.deepEqual(
      wrong.slice(0, 20),
      [],
      `${
        results.map((one) => `${one.connected.length}+${one.received.length}`)
      } came through; ${wrong.length} of ${asked} are not as the oracle says`,
    );
  },
);
