import assert from "node:assert/strict";
import { MemoryStateStore } from "../../base/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { HostError } from "../host_error.ts";
import { decodeReplacement, encodeReplacement, formerFile, HostJournal, restoreFile } from "../store/mod.ts";
import type { HostNetwork } from "../netlink/mod.ts";
import type { ResolverSettings } from "./resolver_conf.ts";
import { ownIdentity } from "./process_identity.ts";
import { pointResolved } from "./resolved.ts";
import { leftResolver, pointResolver, putBackLeftResolver } from "./resolver_host.ts";
import { markLines, readMark } from "./resolver_mark.ts";

const server = Endpoint.parse("10.200.0.1:53");
assert(server);
const settings: ResolverSettings = {
  zone: "weft.internal.",
  otherZones: [],
  servers: [server],
  interfaceName: "weft0",
};
const isUnix = Deno.build.os !== "windows";
const noNetwork = {} as HostNetwork;

/** Runs `test` with the path of a resolv.conf in a folder of its own. */
function fileTest(name: string, test: (path: string, journal: HostJournal) => Promise<void> | void): void {
  Deno.test({
    name,
    ignore: !isUnix,
    fn: async () => {
      const folder = await Deno.makeTempDir({ prefix: "weft-resolver-" });
      try {
        await test(`${folder}/resolv.conf`, new HostJournal(new MemoryStateStore()));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

const original = "# mine\nnameserver 192.0.2.53\n";

/** @returns what stands at a path, in all respects that are put back */
function contentOf(path: string): unknown {
  return formerFile(path);
}

fileTest("pointResolver() writes the file, and puts it back to the last bit", async (path, journal) => {
  await Deno.writeTextFile(path, original, { mode: 0o640 });
  await Deno.chmod(path, 0o640);
  await Deno.utime(path, new Date(1e12), new Date(1e12));
  const before = contentOf(path);
  const pointed = await pointResolver({ kind: "resolv.conf", path: path }, settings, journal);
  assert.match(await Deno.readTextFile(path), /^nameserver 10\.200\.0\.1\nnameserver 192\.0\.2\.53$/m);
  assert.equal(journal.changes().length, 1);
  await pointed.revert();
  assert.deepEqual(contentOf(path), before);
  assert.deepEqual(journal.changes(), []);
  assert.deepEqual([...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))].map(({ name }) => name), [
    "resolv.conf",
  ]);
});

fileTest(
  "HostJournal.undoAll() puts back what a crashed agent has left, a link too",
  async (path, journal) => {
    await Deno.writeTextFile(`${path}.real`, original);
    await Deno.symlink("resolv.conf.real", path);
    await pointResolver({ kind: "resolv.conf", path: path }, settings, journal);
    assert((await Deno.lstat(path)).isFile);
    assert.equal(await Deno.readTextFile(`${path}.real`), original);
    journal.undoAll(noNetwork);
    assert.equal(await Deno.readLink(path), "resolv.conf.real");
    assert.deepEqual(journal.changes(), []);
  },
);

fileTest("HostJournal.undoAll() takes away what was not there", async (path, journal) => {
  await pointResolver({ kind: "resolv.conf", path: path }, settings, journal);
  journal.undoAll(noNetwork);
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
});

fileTest("HostJournal.undoAll() puts back what was half written", async (path, journal) => {
  await Deno.writeTextFile(path, original);
  await pointResolver({ kind: "resolv.conf", path: path }, settings, journal);
  const written = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, written.slice(0, 20));
  journal.undoAll(noNetwork);
  assert.equal(await Deno.readTextFile(path), original);
});

fileTest("HostJournal.undoAll() leaves alone what somebody else has written since", async (path, journal) => {
  await Deno.writeTextFile(path, original);
  await pointResolver({ kind: "resolv.conf", path: path }, settings, journal);
  await Deno.writeTextFile(path, "nameserver 192.0.2.99\n");
  journal.undoAll(noNetwork);
  assert.equal(await Deno.readTextFile(path), "nameserver 192.0.2.99\n");
  assert.deepEqual(journal.changes(), []);
});

fileTest(
  "HostJournal.undoAll() changes nothing when the crash came before the change",
  async (path, journal) => {
    await Deno.writeTextFile(path, original);
    const written = new TextEncoder().encode("# Written by weft\n");
    journal.record({ kind: "resolver", replacement: { path, former: formerFile(path), written } });
    journal.undoAll(noNetwork);
    assert.equal(await Deno.readTextFile(path), original);
  },
);

fileTest("pointResolver() leaves the file of another agent alone", async (path, journal) => {
  await Deno.writeTextFile(path, original);
  await pointResolver({ kind: "resolv.conf", path: path }, settings, journal);
  const other = new HostJournal(new MemoryStateStore());
  await assert.rejects(pointResolver({ kind: "resolv.conf", path: path }, settings, other), HostError);
  assert.deepEqual(other.changes(), []);
});

/** Makes a file look as if its writer had been killed. */
async function killWriter(path: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const lines = text.split("\n");
  const before = lines.filter((line) => line.startsWith("# before: ")).map((line) => line.slice(10)).join("");
  const { startTicks } = ownIdentity();
  const dead = atob(before).replace(`"startTicks":"${startTicks}"`, '"startTicks":"1"');
  assert.notEqual(dead, atob(before));
  const rest = lines.filter((line) => !line.startsWith("# before: "));
  await Deno.writeTextFile(path, [...rest, `# before: ${btoa(dead)}`, ""].join("\n"));
}

fileTest("leftResolver() leaves the file of an agent that runs alone", async (path, journal) => {
  await Deno.writeTextFile(path, original);
  assert.equal(leftResolver(path), undefined);
  const pointed = await pointResolver({ kind: "resolv.conf", path }, settings, journal);
  assert.equal(leftResolver(path), undefined);
  assert.equal(putBackLeftResolver(path), false);
  await pointed.revert();
  assert.equal(await Deno.readTextFile(path), original);
});

fileTest("putBackLeftResolver() needs no journal, and puts back a link or nothing too", async (path) => {
  const journal = () => new HostJournal(new MemoryStateStore());
  await Deno.writeTextFile(`${path}.real`, original, { mode: 0o640 });
  await Deno.symlink("resolv.conf.real", path);
  await pointResolver({ kind: "resolv.conf", path }, settings, journal());
  await killWriter(path);
  assert.deepEqual(leftResolver(path), { path, isKnown: true });
  assert.equal(putBackLeftResolver(path), true);
  assert.equal(await Deno.readLink(path), "resolv.conf.real");

  await Deno.remove(path);
  await pointResolver({ kind: "resolv.conf", path }, settings, journal());
  await killWriter(path);
  assert.equal(putBackLeftResolver(path), true);
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);

  await Deno.writeTextFile(path, original, { mode: 0o600 });
  const before = contentOf(path);
  await pointResolver({ kind: "resolv.conf", path }, settings, journal());
  await killWriter(path);
  assert.equal(putBackLeftResolver(path), true);
  assert.deepEqual(contentOf(path), before);
  assert.equal(putBackLeftResolver(path), false);
});

fileTest("putBackLeftResolver() gives nobody rights because the text says so", async (path, journal) => {
  await Deno.writeTextFile(path, original, { mode: 0o644 });
  await pointResolver({ kind: "resolv.conf", path }, settings, journal);
  const lines = markLines({
    former: {
      kind: "file",
      bytes: new TextEncoder().encode(original),
      mode: 0o4777,
      uid: 65534,
      gid: 65534,
      modifiedMs: Math.floor((await Deno.stat(path)).mtime?.getTime() ?? 0),
    },
    writer: { ...ownIdentity(), startTicks: "1" },
  });
  const others = (await Deno.readTextFile(path)).split("\n").filter((line) => !line.startsWith("# before: "));
  await Deno.writeTextFile(path, [...others, ...lines, ""].join("\n"));
  assert.equal(putBackLeftResolver(path), true);
  const { mode, uid, gid } = Deno.lstatSync(path);
  assert.equal(await Deno.readTextFile(path), original);
  assert.deepEqual([(mode ?? 0) & 0o7777, uid, gid], [0o644, Deno.uid(), Deno.gid()]);
});

fileTest("putBackLeftResolver() leaves alone what somebody else has written since", async (path, journal) => {
  await Deno.writeTextFile(path, original);
  await pointResolver({ kind: "resolv.conf", path }, settings, journal);
  await Deno.writeTextFile(path, "nameserver 192.0.2.99\n");
  assert.equal(putBackLeftResolver(path), false);
  assert.equal(await Deno.readTextFile(path), "nameserver 192.0.2.99\n");
});

fileTest(
  "pointResolver() puts back what stood there though somebody has added a line",
  async (path, journal) => {
    await Deno.writeTextFile(path, original);
    const pointed = await pointResolver({ kind: "resolv.conf", path }, settings, journal);
    await Deno.writeTextFile(path, "options rotate\n", { append: true });
    await pointed.revert();
    assert.equal(await Deno.readTextFile(path), original);
  },
);

fileTest(
  "leftResolver() knows a former release's file by an address that this host has not",
  async (path) => {
    await Deno.writeTextFile(path, "# Written by weft for weft0\nnameserver 203.0.113.1\n");
    assert.deepEqual(leftResolver(path), { path, isKnown: false });
    assert.equal(putBackLeftResolver(path), false);
    await Deno.writeTextFile(path, "# Written by weft for weft0\nnameserver 127.0.0.1\n");
    assert.equal(leftResolver(path), undefined);
  },
);

fileTest("pointResolver() and another process's do not take each other's files", async (path, journal) => {
  await Deno.writeTextFile(path, original);
  // Another process is about to put its own there.
  await Deno.writeTextFile(`${path}.weft-1`, "of another process");
  const pointed = await pointResolver({ kind: "resolv.conf", path }, settings, journal);
  assert(readMark(await Deno.readTextFile(path)));
  await pointed.revert();
  assert.equal(await Deno.readTextFile(`${path}.weft-1`), "of another process");
});

fileTest("pointResolver() changes nothing when it can't write", async (path, journal) => {
  await Deno.mkdir(path);
  await assert.rejects(pointResolver({ kind: "resolv.conf", path: path }, settings, journal), HostError);
  assert.deepEqual(journal.changes(), []);
  await assert.rejects(
    pointResolver({ kind: "resolv.conf", path: `${path}/a/b` }, settings, journal),
    HostError,
  );
  assert.deepEqual(journal.changes(), []);
});

fileTest("restoreFile() says whether the file was weft's", async (path) => {
  await Deno.writeTextFile(path, "x");
  const replacement = { path, former: { kind: "none" } as const, written: new TextEncoder().encode("y") };
  assert.equal(restoreFile(replacement), false);
});

Deno.test("decodeReplacement() reads what encodeReplacement() has written, and nothing else", () => {
  const written = Uint8Array.of(1, 2, 255);
  for (
    const former of [
      { kind: "none" },
      { kind: "link", target: "../run/x" },
      { kind: "file", bytes: Uint8Array.of(0, 128), mode: 0o644, uid: 1, gid: 2, modifiedMs: 3 },
    ] as const
  ) {
    const replacement = { path: "/etc/resolv.conf", former, written };
    assert.deepEqual(decodeReplacement("/etc/resolv.conf", encodeReplacement(replacement)), replacement);
  }
  for (
    const text of [
      "",
      "{}",
      '{"former":{"kind":"file"},"written":""}',
      '{"former":{"kind":"x"},"written":""}',
    ]
  ) {
    assert.equal(decodeReplacement("/x", new TextEncoder().encode(text)), undefined);
  }
});

Deno.test("pointResolved() says what resolvectl has complained of", async () => {
  const asked: string[] = [];
  await pointResolved(settings, ([program = "", verb = ""]) => {
    asked.push(`${program} ${verb}`);
    return Promise.resolve({ code: 0, stderr: "" });
  });
  assert.deepEqual(asked, ["resolvectl dns", "resolvectl domain", "resolvectl default-route"]);
  const refusing = () => Promise.resolve({ code: 1, stderr: "Failed to set DNS: no\nmore" });
  await assert.rejects(pointResolved(settings, refusing), {
    message: /weft\.internal.*Failed to set DNS: no$/,
  });
  const missing = () => Promise.reject(new Deno.errors.NotFound("No such file"));
  await assert.rejects(pointResolved(settings, missing), HostError);
});
