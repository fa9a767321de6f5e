import assert from "node:assert/strict";
import type { LeaderReport } from "../../lib/api/mod.ts";
import {
  joinToken,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  type WeftNode,
} from "../lab/mod.ts";

const ROOTLESS = { args: ["--rootless", "--status-port", "off"] };
const PASSPHRASE = "the quick brown fox";
const ALL = ["10.200.0.1-10.200.255.254"];
/** Heard for 5 s no more; the machine is busy with other tests. */
const DEAD_BOUND_MS = 15_000;

/** Writes a file that its owner alone may read. */
async function keep(path: string, text: string): Promise<string> {
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

/** Runs a command that has to fail with one line and a hint, and leaves nothing of a secret on the terminal. */
async function refused(weft: WeftNode, message: RegExp, ...args: readonly string[]): Promise<void> {
  const { code, stderr, stdout } = await weft.command("leader", ...args);
  assert.deepEqual([code, stdout], [1, ""], stderr);
  assert.match(stderr, message);
  assert.match(stderr, /^weft: .*\nhint: .*\n$/);
  assert.ok(!stderr.includes(PASSPHRASE));
}

/** Waits until this node gives out all addresses. */
async function untilInCharge({ weft }: { readonly weft: WeftNode }): Promise<void> {
  await weft.untilStatus(
    ({ leaders }) => leaders.some(({ self, slices = [] }) => self && slices.join() === ALL.join()),
    40_000,
    "it gives out all addresses",
  );
}

/** Ends a leader for good. */
async function lose({ weft }: MeshNode, others: readonly MeshNode[]): Promise<void> {
  await weft.kill();
  await Deno.remove(weft.stateDir, { recursive: true });
  for (const other of others) {
    await other.weft.untilStatus(
      ({ leaders }) => leaders.every(({ alive }) => !alive),
      DEAD_BOUND_MS,
      "no leader is there",
    );
  }
}

labTest(
  "weft leader recover: the only leader is lost, and a member lets machines in again",
  PACKET_PLANE,
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C"], ROOTLESS);
    const [a, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    const file = `${a.host.folder}/recovery.txt`;
    const passphrase = await keep(`${a.host.folder}/passphrase`, `${PASSPHRASE}\n`);
    const by = ["--passphrase-file", passphrase];

    await test.step("status and doctor warn on every node while there is one leader alone", async () => {
      for (const { weft } of [a, b]) {
        assert.match(await weft.expectCommand("status"), /a is the only leader.*weft leader export FILE/);
        const { stdout } = await weft.command("doctor");
        assert.match(stdout, /^warning +leaders +a is the only leader.*\n +hint: .*weft leader export FILE/m);
      }
    });

    await test.step("export: by a leader, with a passphrase that is worth it, into a new file for its owner", async () => {
      await refused(b.weft, /no leader/, "export", file, ...by);
      const short = await keep(`${a.host.folder}/short`, "short");
      await refused(
        a.weft,
        /it has 5 characters, and 12 are the least/,
        "export",
        file,
        "--passphrase-file",
        short,
      );
      await assert.rejects(Deno.stat(file), Deno.errors.NotFound, "what failed leaves no file");
      assert.match(await a.weft.expectCommand("leader", "export", file, ...by), /^Wrote /);
      assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
      const before = await Deno.readTextFile(file);
      await refused(a.weft, /Cannot write the recovery file/, "export", file, ...by);
      const printed = await a.weft.command("leader", "export", "-", ...by);
      assert.deepEqual([printed.code, printed.stdout], [2, ""], printed.stderr);
      assert.match(printed.stderr, /Cannot write the recovery file to standard output/);
      assert.equal(await Deno.readTextFile(file), before);
      for (const { weft } of nodes) {
        await weft.untilStatus(
          ({ leadership }) => leadership?.problem === undefined,
          10_000,
          "nobody warns any more",
        );
      }
    });

    await test.step("the leader is lost with its state: who is left says so, and stays together", async () => {
      await lose(a, [b, c]);
      await untilAllKnowAll([b, c]);
    });

    await test.step("a wrong passphrase and a damaged file say so, and change nothing", async () => {
      const wrong = await keep(`${a.host.folder}/wrong`, "the quick brown dog");
      await refused(b.weft, /the passphrase is another one/, "recover", file, "--passphrase-file", wrong);
      const text = await Deno.readTextFile(file);
      const damaged = await keep(`${a.host.folder}/damaged`, `${text.slice(0, 100)}${text.slice(101)}`);
      await refused(b.weft, /its checksum is wrong/, "recover", damaged, ...by);
      const none = await keep(`${a.host.folder}/none`, "weft1-abc");
      await refused(b.weft, /it is no recovery file/, "recover", none, ...by);
      assert.equal((await b.weft.status()).node.role, "member");
    });

    await test.step("a member recovers, once or twice: it leads, and everybody sees it", async () => {
      assert.match(await b.weft.expectCommand("leader", "recover", file, ...by), /^b is a leader now/);
      await untilInCharge(b);
      assert.match(await b.weft.expectCommand("leader", "recover", file, ...by), /^b is a leader now/);
      await untilInCharge(b);
      await c.weft.untilStatus(
        ({ leaders }) => leaders.some(({ name, elected }) => name === "b" && elected),
        DEAD_BOUND_MS,
        "it takes b for elected",
      );
      assert.equal((await b.weft.status()).node.addresses[0], b.address, "its address stays");
    });

    await test.step("a machine is let in by its token, and no address is given twice", async () => {
      const token = joinToken(await b.weft.expectCommand("token", "create")) ?? assert.fail();
      const weft = nodeOn(lab, "D", ROOTLESS);
      const status = await weft.start("--join", token);
      const d = { host: lab.host("D"), weft, address: status.node.addresses[0] ?? "", upMs: 0 };
      await untilAllKnowAll([b, c, d], 15_000);
      const addresses = [a, b, c, d].map(({ address }) => address);
      assert.equal(new Set(addresses).size, 4, addresses.join());
    });

    await test.step("no log has a secret", async () => {
      const secret = (await Deno.readTextFile(file)).trim();
      for (const { weft } of [b, c]) {
        const { stdout, stderr } = weft.process;
        for (const text of [stdout, stderr]) {
          assert.ok(![PASSPHRASE, secret].some((each) => text.includes(each)));
        }
      }
      assert.match(b.weft.process.stderr, /this node leads now, by a recovery file/);
    });
  },
);

labTest(
  "weft leader recover: a machine that has nothing goes on as the leader that wrote the file, and members find it",
  ["thorough", ...PACKET_PLANE],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B"], ROOTLESS);
    const [a, b] = nodes as [MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    const file = `${b.host.folder}/recovery.txt`;
    const by = ["--passphrase-file", await keep(`${b.host.folder}/passphrase`, PASSPHRASE)];
    await a.weft.expectCommand("leader", "export", file, ...by);
    // Who came later is not in the file.
    const token = joinToken(await a.weft.expectCommand("token", "create")) ?? assert.fail();
    const c = nodeOn(lab, "C", ROOTLESS);
    const late = (await c.start("--join", token)).node.addresses[0] ?? "";
    await b.weft.untilStatus(({ peers }) => peers.length === 2, 10_000, "it knows who came later");

    await test.step("its host is set up anew, and the file makes it what it was", async () => {
      await lose(a, [b]);
      const said = await a.weft.expectCommand("leader", "recover", file, ...by);
      assert.match(said, /^This machine is a now, which leads/);
      const { node } = await a.weft.start("up");
      assert.deepEqual([node.name, node.role, node.addresses[0]], ["a", "leader", a.address]);
      await untilAllKnowAll([a, b], 30_000);
    });

    await test.step("it gives out addresses once it has heard what happened, and none twice", async () => {
      await untilInCharge(a);
      const weft = nodeOn(lab, "D", ROOTLESS);
      const anew = joinToken(await a.weft.expectCommand("token", "create")) ?? assert.fail();
      const { node } = await weft.start("--join", anew);
      const addresses = [a.address, b.address, late, node.addresses[0]];
      assert.equal(new Set(addresses).size, 4, addresses.join());
      const listed: LeaderReport[] = JSON.parse(await b.weft.expectCommand("leader", "list", "--json"));
      assert.deepEqual(listed.map(({ name, alive }) => [name, alive]), [["a", true]]);
    });
  },
);
