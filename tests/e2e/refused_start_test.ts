import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  assertRefusal,
  type Finished,
  Lab,
  labTest,
  mountSmallDisk,
  nodeOn,
  PACKET_PLANE,
  pingOnce,
  weftCommand,
  WeftNode,
} from "../lab/mod.ts";

/** Where weft is asked to start and must not. */
interface Attempt {
  readonly name: string;
  readonly code: 1 | 2;
  readonly says: RegExp;
  readonly command: readonly string[];
}

const wrongUse: readonly Attempt[] = [
  { name: "a CIDR that is none", code: 2, says: /banana/, command: ["--leader", "--cidr", "banana"] },
  {
    name: "a CIDR of 33 bits",
    code: 2,
    says: /10\.9\.0\.0\/33/,
    command: ["--leader", "--cidr", "10.9.0.0/33"],
  },
  { name: "a port that is none", code: 2, says: /65536/, command: ["--leader", "--port", "65536"] },
  { name: "an MTU that is none", code: 2, says: /mtu/i, command: ["--leader", "--mtu", "12"] },
  { name: "an unknown option", code: 2, says: /--frobnicate/, command: ["--leader", "--frobnicate"] },
  { name: "an unknown command", code: 2, says: /frobnicate/, command: ["frobnicate"] },
  {
    name: "both roles at once",
    code: 2,
    says: /--join|--leader/,
    command: ["--leader", "--join", "weft1-x"],
  },
  { name: "a token that is none", code: 2, says: /token/i, command: ["--join", "banana"] },
  { name: "nothing to resume", code: 1, says: /state/, command: ["up"] },
  { name: "no agent to ask", code: 1, says: /state/, command: ["status"] },
];

labTest("weft refuses wrong use in one line with a hint", [...PACKET_PLANE], async (test) => {
  await using lab = await Lab.create(["A"]);
  const { namespace, folder } = lab.host("A");
  const stateDir = `${folder}/state`;
  for (const attempt of wrongUse) {
    await test.step(attempt.name, async () => {
      assertRefusal(await namespace.run(weftCommand(...attempt.command, "--state", stateDir)), attempt);
      await assert.rejects(Deno.stat(`${stateDir}/control.sock`), Deno.errors.NotFound);
    });
  }
});

labTest("weft up: a host that lacks something gets it named, and its state is unharmed", [
  ...PACKET_PLANE,
  "unshare",
  "mount",
], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const a = lab.host("A");
  const leader = nodeOn(lab, "A");
  await leader.startLeader();
  const { id } = (await leader.status()).node;
  const up = weftCommand("up", "--state", leader.stateDir);
  const attempt = async (name: string, says: RegExp, start: () => Promise<Finished>) => {
    await test.step(name, async () => assertRefusal(await start(), { code: 1, says }));
  };

  await attempt("a second agent on the same state", /in use/, () => a.namespace.run(up));
  const second = [
    "--leader",
    "--state",
    `${a.folder}/second`,
    "--interface",
    "weft1",
    "--cidr",
    "10.99.0.0/16",
  ];
  await attempt(
    "a port in use",
    /51820/,
    () => a.namespace.run(weftCommand(...second, "--status-port", "9181")),
  );
  await attempt(
    "a status port in use",
    /9180/,
    () => a.namespace.run(weftCommand(...second, "--port", "51821")),
  );
  await leader.stop();

  await attempt(
    "an interface name that is taken",
    /eth0/,
    () => a.namespace.run([...up, "--interface", "eth0"]),
  );
  await attempt("a route of the host that overlaps", /10\.200\.7\.0\/24/, async () => {
    await a.namespace.ip("route add 10.200.7.0/24 dev eth0");
    const finished = await a.namespace.run(up);
    await a.namespace.ip("route del 10.200.7.0/24 dev eth0");
    return finished;
  });
  await attempt(
    "a network on an address of the host",
    /192\.0\.2\.0\/24/,
    () => a.namespace.run(weftCommand("--leader", "--cidr", "192.0.2.0/24", "--state", `${a.folder}/other`)),
  );
  // In a user namespace without a mapping the process has no privileges and looks like `nobody`, and can still
  // read this checkout, which a real other user may not.
  await attempt("no root", /needs root/, () => a.namespace.run(["unshare", "--user", ...up]));
  const hideTun = `mkdir -p ${a.folder}/empty && mount --bind ${a.folder}/empty /dev/net && exec "$@"`;
  await attempt(
    "no /dev/net/tun",
    /\/dev\/net\/tun/,
    () => a.namespace.run(["unshare", "--mount", "sh", "-c", hideTun, "sh", ...up]),
  );

  const resumed = await leader.start("up");
  assert.equal(resumed.node.id, id);
  assert.deepEqual(await a.namespace.ipJson("route show 10.0.0.0/8"), []);
});

labTest("weft up: a damaged, foreign or unwritable state is named and never overwritten", [
  ...PACKET_PLANE,
  "mount",
], async (test) => {
  await using lab = await Lab.create(["A"]);
  const { namespace, folder } = lab.host("A");
  const leader = nodeOn(lab, "A");
  await leader.startLeader();
  const { id } = (await leader.status()).node;
  await leader.stop();
  const database = await databaseIn(leader.stateDir);
  const good = await Deno.readFile(database);

  const damages: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ["a database that is no database", new TextEncoder().encode("This is no database.".repeat(500))],
    [
      "a database with a damaged page",
      good.map((byte, i) => i > 100 && i < 4096 ? 0xa5 : byte),
    ],
    ["a database that was cut short", good.slice(0, good.length - 5000)],
  ];
  for (const [name, bytes] of damages) {
    await test.step(name, async () => {
      await Deno.writeFile(database, bytes);
      const finished = await namespace.run(weftCommand("up", "--state", leader.stateDir));
      assertRefusal(finished, { code: 1, says: new RegExp(leader.stateDir) });
      assert.deepEqual(await Deno.readFile(database), bytes);
    });
  }

  await test.step("a database of another program", async () => {
    const stateDir = `${folder}/foreign`;
    await Deno.mkdir(stateDir);
    const path = `${stateDir}/${database.split("/").at(-1)}`;
    writeForeignDatabase(path);
    const bytes = await Deno.readFile(path);
    const finished = await namespace.run(weftCommand("--leader", "--state", stateDir));
    assertRefusal(finished, { code: 1, says: new RegExp(stateDir) });
    assert.deepEqual(await Deno.readFile(path), bytes);
  });

  await test.step("a state directory that is a file", async () => {
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "precious");
    const finished = await namespace.run(weftCommand("--leader", "--state", path));
    assertRefusal(finished, { code: 1, says: new RegExp(path) });
    assert.equal(await Deno.readTextFile(path), "precious");
  });

  await test.step("the good state still works", async () => {
    await Deno.writeFile(database, good);
    assert.equal((await leader.start("up")).node.id, id);
  });
});

labTest(
  "weft up: a full disk is named by a first start, and a later one runs from what there is, also after a crash",
  [
    ...PACKET_PLANE,
    "mount",
  ],
  async () => {
    await using lab = await Lab.create(["A"]);
    const { namespace, folder } = lab.host("A");
    await using disk = await mountSmallDisk(`${folder}/disk`, 2 << 20);
    const stateDir = `${disk.path}/state`;
    await using leader = new WeftNode(namespace, { name: "a", stateDir });

    await disk.fill();
    assertRefusal(await leader.launch("--leader").finished, { code: 1, says: /full|space/i });
    await disk.drain();
    await leader.startLeader();
    const { id } = (await leader.status()).node;
    await leader.stop();

    for (const hasCrashed of [false, true]) {
      if (hasCrashed) {
        await leader.start("up");
        await leader.kill();
      }
      await disk.fill();
      // It runs from what it has, with its interface, and says that nothing new is kept.
      assert.equal((await leader.start("up")).node.id, id);
      await pingOnce(lab.host("A"), "10.200.0.1");
      const says = /the disk is full: this node runs from the state that it has/g;
      const lines = () => leader.process.stderr.match(says)?.length;
      await leader.process.until(() => lines() !== undefined, 5_000, "it says so");
      assert.equal(lines(), 1, leader.process.stderr);
      await disk.drain();
      await leader.kill();
    }
    assert.equal((await leader.start("up")).node.id, id);
  },
);

/** @returns the path of the one SQLite database in `stateDir` */
async function databaseIn(stateDir: string): Promise<string> {
  for await (const { name } of Deno.readDir(stateDir)) {
    const path = `${stateDir}/${name}`;
    const head = new Uint8Array(15);
    using file = await Deno.open(path).catch(() => undefined);
    await file?.read(head);
    if (new TextDecoder().decode(head) === "SQLite format 3") return path;
  }
  throw new Error(`There is no database in ${stateDir}`);
}

function writeForeignDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA application_id = 1; CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x')");
  database.close();
}
