import assert from "node:assert/strict";
import type { NetworkReport } from "../../../mod.ts";
import { Lab, labTest, nodeOn, PACKET_PLANE, waitFor } from "../../lab/mod.ts";

const DECLARED = `
networks:
  blue: { type: vxlan, vni: 1001, cidr: 10.0.0.0/24 }
network-endpoints:
  blue/front: { ip: 10.0.0.10 }
`;

labTest(
  "overlay networks: a file declares one, commands fill it, and status, doctor and metrics tell of it",
  [...PACKET_PLANE, "curl", "promtool"],
  async () => {
    await using lab = await Lab.create(["alpha", "beta"]);
    const alpha = nodeOn(lab, "alpha");
    const file = `${lab.host("alpha").folder}/weft.yaml`;
    await Deno.writeTextFile(file, DECLARED);
    const token = await alpha.startLeader("--config", file);
    const beta = nodeOn(lab, "beta");
    await beta.start("--join", token);
    const [a, b] = [lab.host("alpha").namespace, lab.host("beta").namespace];
    const networks = async (node: typeof alpha): Promise<readonly NetworkReport[]> =>
      JSON.parse(await node.expectCommand("network", "list", "--json"));

    await waitFor(async () => (await networks(alpha))[0]?.endpoints[0]?.state === "up", 15_000, {
      what: "it is made",
    });
    await waitFor(async () => (await networks(beta))[0]?.endpointCount === 1, 15_000, {
      what: "beta has heard",
    });
    assert.match(
      await beta.expectCommand("endpoint", "add", "blue", "back", "--mac", "02:42:ac:11:00:02"),
      /^Added blue\/back on \w+: 10\.0\.0\.\d+\/24, 02:42:ac:11:00:02, device back\n$/,
    );
    await waitFor(async () => (await b.run(["ping", "-c", "1", "-W", "1", "10.0.0.10"])).code === 0, 15_000, {
      what: "back reaches front",
    });
    await a.expectRun(["ip", "link", "show", "front"]);

    assert.match(
      await alpha.expectCommand("status"),
      /^overlay +blue \(vxlan 1001\): 1 of 2 endpoints here$/m,
    );
    assert.match(
      await alpha.expectCommand("network", "list"),
      /^blue +vxlan +1001 +10\.0\.0\.0\/24 +1370 +mesh/m,
    );
    const shown = await alpha.expectCommand("network", "show", "blue");
    assert.match(shown, /^front +alpha \(this node\) .* up$/m);
    assert.match(shown, /^back +beta +02:42:ac:11:00:02 .* elsewhere$/m);
    assert.match(shown, /^carried +[1-9]\d* frames from/m);
    const doctor = await alpha.command("doctor");
    assert.match(doctor.stdout, /^ok +overlays +1 overlay network, 1 endpoint here$/m);
    const metrics = await alpha.get("/metrics");
    assert.match(metrics, /^weft_network_frames_total\{network="blue",direction="in"\} [1-9]/m);
    assert.match(metrics, /^weft_endpoint_up\{network="blue",endpoint="front"\} 1$/m);

    // A second start changes nothing that is there, and says what differs.
    await alpha.stop();
    await Deno.writeTextFile(
      file,
      DECLARED.replace("1001", "1002").replace("front: ", "other: {}\n  blue/front: "),
    );
    await alpha.start("up");
    await waitFor(async () => (await networks(alpha))[0]?.endpointCount === 3, 15_000, {
      what: "the new one is made",
    });
    const [blue] = await networks(alpha);
    assert.equal(blue?.identifier, 1001);
    assert.match(await alpha.expectCommand("logs", "--lines", "1000"), /blue is not as it is declared/);

    const namespace = "weft-people";
    await alpha.expectCommand("endpoint", "remove", "blue/other");
    const missing = await alpha.command("endpoint", "add", "blue", "lost", "--netns", namespace);
    assert.match(`${missing.stdout}${missing.stderr}`, /hint: /);

    for (const [words, says] of FAILURES) {
      const { code, stdout, stderr } = await beta.command(...words);
      assert.equal(code === 1 || code === 2, true, words.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /^weft: [^\n]+\nhint: [^\n]+\n$/, words.join(" "));
      assert.match(stderr, says, words.join(" "));
    }
    const leads: readonly (readonly [readonly string[], RegExp])[] = [
      [["network", "create", "blue"], /blue/],
      [["network", "create", "red", "--vni", "1001"], /1001/],
      [["network", "create", "red", "--type", "vxlna"], /vxlna/],
      [["network", "create", "red", "--option", "colour=red"], /colour/],
      [["network", "create", "Red_1"], /Red_1|name/],
      [["network", "create", "red", "--members", "role in ("], /role in|selector/i],
      [["network", "create", "red", "--gateway", "nobody", "--cidr", "10.1.0.0/24"], /nobody/],
      [["network", "create", "red", "--cidr", "10.0.0.0/31"], /10\.0\.0\.0\/31/],
      [["network", "change", "red", "--mtu", "1300"], /red/],
      [["network", "delete", "blue"], /blue/],
      [["endpoint", "remove", "blue/nobody"], /nobody/],
      [["endpoint", "add", "blue", "back"], /back/],
      [["endpoint", "add", "blue", "x", "--ip", "10.1.0.1"], /10\.1\.0\.1/],
      [["endpoint", "add", "blue", "x", "--ip", "10.0.0.10"], /10\.0\.0\.10/],
      [["endpoint", "add", "blue", "x", "--mac", "02:42:ac:11:00:02"], /02:42:ac:11:00:02/],
      [["endpoint", "move", "blue/front", "--to", "nobody"], /nobody/],
    ];
    for (const [words, says] of leads) {
      const { code, stdout, stderr } = await alpha.command(...words);
      assert.equal(code === 1 || code === 2, true, `${words.join(" ")}: ${stdout}`);
      assert.match(stderr, /^weft: [^\n]+\nhint: [^\n]+\n$/, words.join(" "));
      assert.match(stderr, says, words.join(" "));
    }
    assert.match(await alpha.expectCommand("network", "delete", "blue", "--force"), /^Deleted blue, with /);
    await waitFor(async () => (await networks(beta)).length === 0, 15_000, {
      what: "beta has heard that it is gone",
    });
    await waitFor(async () => (await b.run(["ip", "link", "show", "back"])).code !== 0, 15_000, {
      what: "its device is gone",
    });
  },
);

/** What a member may not, or what there is not. */
const FAILURES: readonly (readonly [readonly string[], RegExp])[] = [
  [["network", "create", "red"], /leader/],
  [["network", "delete", "blue"], /leader/],
  [["network", "show", "red"], /red/],
  [["endpoint", "add", "red", "x"], /red/],
  [["endpoint", "remove", "blue/front"], /front|leader/],
];
