import assert from "node:assert/strict";
import { SqliteStateStore } from "../../host/mod.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

const PASSPHRASE = "correct horse battery";

function told(folder: string, name: string) {
  const port = freeTcpPort();
  return {
    stateDir: `${folder}/${name}`,
    port,
    endpoints: `127.0.0.1:${port}`,
    rootless: true,
    discovery: false,
    name,
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 600; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(what);
}

Deno.test("a leader that comes back by an older copy gives no address and no use of a token out again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-backup-" });
  await using nodes = new AsyncDisposableStack();
  nodes.defer(() => Deno.remove(folder, { recursive: true }));
  const start = async (made: Promise<OverlayBootstrap>) => {
    const node = await made;
    await node.start();
    nodes.defer(() => node.stop());
    return node;
  };
  const lead = told(folder, "lead");
  const before = await start(OverlayBootstrap.initLeader(lead));
  const tokenOf = async (node: OverlayBootstrap, uses: number) =>
    (await node.control.createToken({ lifetimeMs: 3_600_000, uses })).token;
  // Who was there before tells the leader of who came after.
  await start(OverlayBootstrap.join(await tokenOf(before, 1), told(folder, "old")));
  const token = await tokenOf(before, 1);
  before.control.changeSetting({ name: "log-level", value: ["debug"] });
  const { file, name } = await before.control.backup({ passphrase: PASSPHRASE });
  assert.equal(name, "lead");
  // What happens after the copy is what it does not know.
  const web = await start(OverlayBootstrap.join(token, told(folder, "web")));
  const webAddress = web.nodeIp().toString();
  await before.stop();
  await assert.rejects(
    OverlayBootstrap.restore(lead.stateDir, {
      file: Uint8Array.fromBase64(file),
      secret: { passphrase: PASSPHRASE },
      isForced: false,
    }),
    { code: "AlreadyInitialized" },
  );
  await Deno.remove(lead.stateDir, { recursive: true });

  const request = { file: Uint8Array.fromBase64(file), secret: { passphrase: PASSPHRASE }, isForced: false };
  await assert.rejects(
    OverlayBootstrap.restore(lead.stateDir, { ...request, secret: { passphrase: "another one of them" } }),
    {
      code: "InvalidRequest",
    },
  );
  const restored = await OverlayBootstrap.restore(lead.stateDir, request);
  assert.deepEqual([restored.name, restored.role, restored.putAside], ["lead", "leader", []]);
  const after = await start(OverlayBootstrap.load(lead));
  assert.equal(after.publicKey().toString(), before.publicKey().toString());
  assert.equal(after.options.logLevel, "debug", "settings came along");
  assert.deepEqual(after.control.listTokens(), []);
  await assert.rejects(OverlayBootstrap.join(token, told(folder, "thief")), /refused|Cannot join/i);

  await until(
    () => after.control.status().peers.some((peer) => peer.name === "web"),
    "it hears of web again",
  );
  await until(
    () => (after.control.status().leaders[0]?.slices ?? []).length > 0,
    "it gives out addresses again",
  );
  const db = await start(
    OverlayBootstrap.join(await tokenOf(after, 1), told(folder, "db")),
  );
  assert.notEqual(db.nodeIp().toString(), webAddress);
  await until(() => web.control.status().peers.some((peer) => peer.name === "db"), "web hears of db");
  const addresses = after.control.status().peers.flatMap((peer) => peer.addresses);
  assert.equal(new Set(addresses).size, addresses.length);
});

Deno.test("restoring in place of another node puts that aside, and forgets nothing of the host", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-backup-" });
  const [one, other] = [told(folder, "one"), told(folder, "other")];
  for (const options of [one, other]) {
    const node = await OverlayBootstrap.initLeader(options);
    await node.start();
    await node.stop();
  }
  const { file } = await OverlayBootstrap.backup(one.stateDir, { passphrase: PASSPHRASE });
  await assert.rejects(OverlayBootstrap.backup(one.stateDir, { passphrase: "short" }), {
    code: "InvalidRequest",
  });
  const journal = Uint8Array.of(7);
  {
    using store = SqliteStateStore.open(other.stateDir);
    store.put("host-journal", "1", journal);
  }
  const request = { file: Uint8Array.fromBase64(file), secret: { passphrase: PASSPHRASE }, isForced: true };
  const { putAside: [old = ""] } = await OverlayBootstrap.restore(other.stateDir, request);
  assert.equal(Number((await Deno.stat(old)).mode) & 0o777, 0o600);
  using store = SqliteStateStore.open(other.stateDir);
  assert.deepEqual(store.get("host-journal", "1"), journal);
  await Deno.mkdir(`${folder}/aside`);
  await Deno.rename(old, `${folder}/aside/weft.db`);
  using aside = SqliteStateStore.open(`${folder}/aside`);
  assert.notDeepEqual(aside.get("identity", "seed"), store.get("identity", "seed"));
  await assert.rejects(OverlayBootstrap.restore(other.stateDir, request), { code: "State" }, "it is in use");
  store.close();
  aside.close();
  await Deno.remove(folder, { recursive: true });
});
