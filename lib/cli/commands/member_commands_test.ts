import assert from "node:assert/strict";
import { SampleControl } from "../../agent/testing/sample_control.ts";
import { serveControl } from "../../http/mod.ts";
import { controlSocketPath } from "../control_client.ts";
import { SamplePorts } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

interface Served extends AsyncDisposable {
  readonly control: SampleControl;
  run(line: string): Promise<SamplePorts & { readonly code: number }>;
}

/** An agent that answers from tables, at a socket. */
async function serve(): Promise<Served> {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const control = new SampleControl();
  const socket = await serveControl({ control, path: controlSocketPath(stateDir) });
  return {
    control,
    async run(line) {
      const ports = new SamplePorts();
      const code = await main([...line.split(" "), "--state", stateDir], ports);
      return Object.assign(ports, { code });
    },
    async [Symbol.asyncDispose]() {
      await socket.close();
      await Deno.remove(stateDir, { recursive: true });
    },
  };
}

Deno.test("commands on members ask for what they say, and tell the answer", async () => {
  await using agent = await serve();
  const id = "0123456789abcdef0123456789abcdef";
  const cases: readonly (readonly [line: string, asked: unknown, says: RegExp])[] = [
    [
      "token create --label role=web --offer orders --publish orders/> --subscribe a/* --subscribe b " +
      "--names db --ephemeral 10m --approve --any-address",
      {
        lifetimeMs: 86_400_000,
        labels: { role: "web" },
        uses: 1,
        grants: { offer: ["orders"], publish: ["orders/>"], subscribe: ["a/*", "b"], names: ["db"] },
        ephemeralMs: 600_000,
        needsApproval: true,
        address: "any",
      },
      /^weft --join weft1-secret\n$/,
    ],
    [
      "token create --address 10.200.1.7",
      { lifetimeMs: 86_400_000, labels: {}, uses: 1, address: "10.200.1.7" },
      /^weft --join/,
    ],
    ["label", undefined, /^NAME +LABELS +UNCONFIRMED +SAYS OF ITSELF\nweb-1 +role=web +- +zone=a\n$/],
    ["label web-1", undefined, /web-1 +role=web/],
    ["label 10.200.0.2 --json", undefined, /"statedLabels": \{\s+"zone": "a"/],
    [
      "label web-1 role=db tier= zone-",
      { node: "web-1", set: { role: "db", tier: "" }, remove: ["zone"], confirm: false },
      /^web-1: role=db,tier=\n$/,
    ],
    ["label web-1 --confirm", { node: "web-1", confirm: true }, /^web-1: no labels\n$/],
    [
      "grant list",
      undefined,
      /^every member +publish \*:>; subscribe \*:>; the first[^]*^web-1 +offer orders; claimed cart$/m,
    ],
    ["grant list web-1 --json", undefined, /"everybody"[^]*"claimed"/],
    [
      "grant add web-1 --offer cart --names db --names *.db",
      { node: "web-1", add: { offer: ["cart"], names: ["db", "*.db"] } },
      /^web-1: offer orders; claimed cart\n$/,
    ],
    ["grant remove web-1 --publish a", { node: "web-1", remove: { publish: ["a"] } }, /^web-1/],
    ["grant remove --all --claims", { claims: false }, /^every member: .*no claims\n$/],
    ["grant add --all --offer chat/* --claims", { add: { offer: ["chat/*"] }, claims: true }, /first to ask/],
    ["peer rename web-1 shop", { node: "web-1", name: "shop" }, /^web-1 is called shop now\n$/],
    [
      "peer address web-1 10.200.1.7",
      { node: "web-1", address: "10.200.1.7" },
      /^web-1 is 10\.200\.1\.7 now\n$/,
    ],
    ["peer pending", undefined, /^web-2 +(cd){16} +192\.0\.2\.7:4000 +01234567 +any/m],
    [
      "peer approve web-2",
      { approved: "web-2" },
      /^Approved web-2, which is 10\.200\.0\.2 as soon as it asks again, in 30 s at most\n$/,
    ],
    ["peer refuse web-2", { refused: "web-2" }, /^Refused web-2 \((cd){16}\)\n$/],
    ["audit", {}, /^2023-11-14T22:13:20\.000Z +joined +web-1 +token 01234567 +address=10\.200\.0\.2$/m],
    ["audit --limit 5 --json", { limit: 5 }, new RegExp(`^\\{"number":1,.*"id":"${id}".*\\}\\n$`)],
  ];
  const { stdout } = await agent.run("audit --since 1h");
  assert.equal(stdout, "Nothing has happened in that time.\n");
  for (const [line, asked, says] of cases) {
    agent.control.asked.length = 0;
    const ran = await agent.run(line);
    assert.equal(ran.code, 0, `${line}: ${ran.stderr}`);
    assert.match(ran.stdout, says, line);
    assert.deepEqual(agent.control.asked[0], asked, line);
  }
});

Deno.test("commands on members refuse what nobody can mean", async () => {
  await using agent = await serve();
  const cases: readonly (readonly [line: string, says: RegExp])[] = [
    ["label web-1 role", /neither KEY=VALUE nor KEY-\nhint: /],
    ["label web-1 a=b --list", /list and change/],
    ["label nobody", /nobody in the network goes by that/],
    ["grant add --offer a", /name a member, or say --all/],
    ["grant add web-1 --all --offer a", /name a member, or say --all/],
    ["grant add web-1", /Cannot add nothing/],
    ["grant add web-1 --offer a:b:c", /that is no pattern/],
    ["grant remove web-1 --claims", /for one member/],
    ["token create --uses many", /--uses many: it is a number from 1 to 65536\nhint: .*any/],
    ["token create --address 10.200.1.7 --any-address", /Cannot use both/],
    ["token create --ephemeral soon", /--ephemeral soon: that is no duration/],
    ["audit --since yesterday", /--since yesterday: that is no duration/],
    ["audit --limit 0", /--limit 0/],
    ["peer approve web-9", /nobody waits/],
    ["token create --expires 5000d", /--expires 5000d: that is too long\nhint: At most 3650d/],
    ["token create --ephemeral 400d", /--ephemeral 400d: that is too long\nhint: At most 365d/],
    ["peer rename web-1 ", /<name> is empty\nhint: /],
    ["grant add  --offer a", /<node> is empty/],
    ["offer 80 --allow ", /--allow <selector> is empty/],
  ];
  for (const [line, says] of cases) {
    const { code, stderr } = await agent.run(line);
    assert.notEqual(code, 0, line);
    assert.match(stderr, says, line);
  }
  assert.deepEqual(agent.control.asked, []);
});

Deno.test("weft leave has the agent leave, and with --force puts away the state of one that does not run", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  await Deno.writeTextFile(`${stateDir}/weft.db`, "a node's");
  const ports = new SamplePorts();
  assert.equal(await main(["leave", "--state", stateDir], ports), 1);
  assert.match(ports.stderr, /none runs with the state.*\nhint: .*waits to be let in answers nothing yet/);
  assert.deepEqual(ports.diary, []);
  assert.equal(await main(["leave", "--force", "--state", stateDir], ports), 0);
  assert.deepEqual(ports.diary, [`forget ${stateDir}`]);
  assert.match(ports.stdout, /^web-1 has left the network/);
  assert.match(ports.stderr, /weft peer remove web-1/);
  const removed = new SamplePorts();
  removed.forgotten = { name: "web-1", isRemoved: true };
  assert.equal(await main(["leave", "--force", "--state", stateDir], removed), 0);
  assert.equal(removed.stderr, "", "a leader has removed it: nothing is left to do");
  await Deno.remove(stateDir, { recursive: true });
});
