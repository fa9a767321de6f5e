import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  type WeftNode,
} from "../lab/mod.ts";

interface Finding {
  readonly name: string;
  readonly kind: "ok" | "warning" | "problem";
  readonly detail: string;
  readonly hint?: string;
}

/** What is broken, how, what is found, and the command that is named and mends it. */
interface Break {
  readonly what: string;
  readonly by: string;
  readonly name: string;
  readonly detail: RegExp;
  /** Taken from the hint; this where it names more than a command. */
  readonly mend?: string;
}

const BREAKS: readonly Break[] = [
  {
    what: "a firewall that drops UDP",
    by:
      "nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; policy drop; }; " +
      "add rule inet filter input iif lo accept; add rule inet filter input ct state established,related accept; " +
      "add rule inet filter input tcp dport 51820 accept; add rule inet filter input iifname weft0 accept'",
    name: "firewall",
    detail: /the chain inet filter input of nftables drops what comes to UDP port 51820 by its policy/,
  },
  {
    what: "a firewall that drops what members send",
    by:
      "nft 'flush ruleset; add table inet filter; add chain inet filter input { type filter hook input priority 0; }; " +
      "add rule inet filter input iifname weft0 drop'",
    name: "firewall",
    detail: /drops what members send to this host by weft0/,
  },
  {
    what: "a route that is more specific",
    by:
      "ip link add wg9 type veth peer name peer9 && ip link set peer9 up && ip link set wg9 up && ip route add 10.200.0.0/24 dev wg9",
    name: "routes",
    detail: /10\.200\.0\.0\/24 of the network goes to wg9, not to weft0/,
  },
  {
    what: "another VPN that takes everything",
    by:
      "ip link add tailscale0 type veth peer name peer0 && ip link set peer0 up && ip link set tailscale0 up && ip route add 0.0.0.0/1 dev tailscale0",
    name: "other VPN",
    detail: /tailscale0 takes everything \(0\.0\.0\.0\/1\)/,
    mend: "ip link del tailscale0",
  },
  {
    what: "IPv6 that is off",
    by: "sysctl -qw net.ipv6.conf.weft0.disable_ipv6=1",
    name: "IPv6",
    detail: /IPv6 is switched off on weft0/,
  },
];

async function examine(node: WeftNode): Promise<readonly Finding[]> {
  return JSON.parse((await node.command("doctor", "--json")).stdout);
}

async function shell({ namespace }: Host, line: string): Promise<void> {
  await namespace.expectRun(["sh", "-c", line]);
}

labTest(
  "weft doctor and weft explain find what is broken on a host, and the command that they name mends it",
  [...PACKET_PLANE, "nft", "sysctl"],
  async (test) => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes } = await startMesh(lab, ["A", "B"]);
    await untilAllKnowAll(nodes);
    const [{ weft: node } = assert.fail(), { weft: other } = assert.fail()] = nodes;
    const host = lab.host("A");
    const known = (await examine(node)).filter(({ kind }) => kind !== "ok").map(({ name }) => name);

    for (const { what, by, name, detail, mend } of BREAKS) {
      await test.step(what, async () => {
        await shell(host, by);
        const found = (await examine(node)).find((finding) => finding.name === name);
        assert(found !== undefined && found.kind !== "ok", JSON.stringify(found));
        assert.match(found.detail, detail);
        await shell(host, mend ?? /`(.*?)`/.exec(found.hint ?? "")?.[1] ?? assert.fail(found.hint));
        const after = (await examine(node)).find((finding) => finding.name === name);
        assert.ok(after === undefined || after.kind === "ok", JSON.stringify(after));
      });
    }

    await test.step("explain names the step that breaks", async () => {
      const explain = async () => JSON.parse((await node.command("explain", other.name, "--json")).stdout);
      assert.equal((await explain()).broken, null);
      await shell(host, "ip route add 10.200.0.0/25 dev lo");
      assert.equal((await explain()).broken, "address");
      await shell(host, "ip route del 10.200.0.0/25 dev lo");
      await Deno.writeTextFile(
        `${host.folder}/policy.yaml`,
        "rules:\n  - allow: { from: '*', to: '*', ports: icmp }\n",
      );
      await node.expectCommand("policy", "apply", `${host.folder}/policy.yaml`, "--yes");
      const denied = JSON.parse((await node.command("explain", `${other.name}:5432`, "--json")).stdout);
      assert.equal(denied.broken, "policy");
      assert.match(
        denied.steps.find(({ step }: { step: string }) => step === "policy").hint,
        /weft policy explain/,
      );
    });

    await test.step("nothing is left of it", async () => {
      const left = (await examine(node)).filter(({ kind }) => kind !== "ok").map(({ name }) => name);
      assert.deepEqual(left, known);
    });
  },
);
