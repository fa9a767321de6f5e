import assert from "node:assert/strict";
import fc from "fast-check";
import { CallError, NO_POLICY } from "../../service/mod.ts";
import { fails as failsCall } from "../../service/testing/outcome.ts";
import { ALL_RIGHTS } from "../../test_mesh/mod.ts";
import { fails } from "../testing/conformance.ts";
import { DataMesh } from "../testing/data_mesh.ts";
import { openSample } from "../testing/embedded_sample.ts";
import { MAX_WATCHES_PER_CALLER } from "../bounds.ts";
import { keyTopic } from "./key_rights.ts";

Deno.test("keyTopic() is a topic below the collection, whatever the key is", () => {
  const cases = [
    ["7", "data:orders/7"],
    ["eu/7", "data:orders/eu/7"],
    ["eu//7", "data:orders/eu/$0/7"],
    ["a b", "data:orders/a$20b"],
    ["..", "data:orders/$2"],
    ["/", "data:orders/$0/$0"],
    ["ü", "data:orders/$fc"],
  ] as const;
  for (const [key, topic] of cases) assert.equal(keyTopic("orders", key).toString(), topic);
  fc.assert(fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 512 }), (key) => {
    const topic = keyTopic("orders", key);
    assert.equal(topic.network, "data");
    assert.equal(topic.service, "orders");
    assert.ok(topic.segments.length >= 2);
  }));
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (rest) => {
    // What a grant of a beginning means is all that begins so, and nothing else.
    assert.equal(keyTopic("orders", `eu/${rest}`).segments[1], "eu");
  }));
});

Deno.test("who may read and write is asked of each entry, and of queries, lists, watches and transactions", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const isOpen = (peer: string, topic: string) => peer !== "west" || topic.startsWith("data:tea/green/");
  mesh.rights = {
    ...ALL_RIGHTS,
    mayPublish: (peer, topic) => isOpen(peer, topic.toString()),
    maySubscribe: (peer, pattern) => isOpen(peer, pattern.toString()),
  };
  const [east, west] = [await data.add("east"), await data.add("west")];
  const own = await mesh.until(east.client.collection("tea", { key: "id", index: ["price"] }));
  const far = await mesh.until(west.client.collection("tea", { key: "id" }));
  for (const id of ["green/1", "green/2", "black/1"]) await mesh.until(own.put({ id, price: 3 }));
  await fails("Refused", mesh.until(far.get("black/1")));
  await fails("Refused", mesh.until(far.put({ id: "black/2" })));
  await fails("Refused", mesh.until(far.delete("black/1")));
  await fails("Refused", mesh.until(far.patch("black/1", { price: 1 })));
  await fails("Refused", mesh.until(west.client.transaction((tx) => tx.put(far, { id: "black/2" }))));
  const watch = far.watch();
  await mesh.until(watch.ready);
  const told = (async () => {
    for await (const change of watch) return change.key;
  })();
  await mesh.until(own.put({ id: "black/3" }));
  await mesh.until(far.put({ id: "green/3", price: 4 }));
  assert.equal(await mesh.until(told), "green/3");
  const keys: string[] = [];
  for await (const { key } of far.list()) keys.push(key);
  assert.deepEqual(keys, ["green/1", "green/2", "green/3"]);
  assert.deepEqual(await mesh.until(far.query("select count(*), sum(price) from tea")), [{
    "count(*)": 3,
    "sum(price)": 10,
  }]);
  assert.deepEqual(
    await mesh.until(far.query("select id from tea where price = 3 sort-by id limit 1 page 2")),
    [{ id: "green/2" }],
  );
  assert.deepEqual(await mesh.until(own.query("select count(*) from tea")), [{ "count(*)": 5 }]);
  // Where a list goes on tells of no key that is not for the caller.
  await mesh.until(own.put({ id: "zebra/1" }));
  let after: string | null | undefined;
  while (after !== null) {
    const params = { limit: 1, ...after !== undefined && { after } };
    const answer = await mesh.until(west.node.runtime.request("data/tea/list", params));
    ({ after } = answer as { readonly after: string | null });
    if (after !== null) assert.match(after, /^green\//);
  }
  // Whether the whole has changed is not to be found out by who may not read the whole.
  const commit = { reads: [{ revision: 1 }], writes: [] };
  await failsCall("Refused", mesh.until(west.node.runtime.request("data/tea/commit", commit)));
});

Deno.test("a policy decides about collections as about services, and about entries as about topics", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const refusal = { kind: "denied", rule: "test" } as const;
  const policy = {
    ...NO_POLICY,
    isIdle: false,
    callFate: (from: string, _: string, path: string) =>
      from === "west" && path.startsWith("mesh:data/secret/") ? refusal : { kind: "straight" as const },
    admitCall: (_: string, from: string, __: string, path: string) =>
      from === "west" && path.startsWith("mesh:data/secret/") ? refusal : undefined,
    admitEvent: (_: string, from: string, __: string | undefined, topic: string) =>
      from === "west" && topic === "data:open/locked" ? refusal : undefined,
    mayHear: (_: string, to: string, topic: string) => !(to === "west" && topic === "data:open/hidden"),
  };
  const east = await data.add("east", { policy });
  const west = await data.add("west");
  for (const name of ["secret", "open"]) await mesh.until(east.client.collection(name, { key: "id" }));
  const open = await mesh.until(west.client.collection("open", { key: "id" }));
  await fails("Refused", mesh.until(west.client.collection("secret", { key: "id" })));
  await fails("Refused", mesh.until(open.put({ id: "locked" })));
  await mesh.until(open.put({ id: "hidden" }));
  await fails("Refused", mesh.until(open.get("hidden")));
  assert.deepEqual(await mesh.until(open.query("select id from open")), []);
  // By another collection there is no way in.
  const write = { kind: "put", collection: "secret", value: { id: 1 } };
  await failsCall("NotOwner", mesh.until(west.node.runtime.request("data/open/commit", { writes: [write] })));
  const read = { collection: "secret", key: "1", revision: 0 };
  await failsCall("NotOwner", mesh.until(west.node.runtime.request("data/open/commit", { reads: [read] })));
});

Deno.test("a collection's selectors say who may read and write, and its owner changes them", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west", { labels: { role: "web" } })];
  const spec = { key: "id", read: "role=web", write: "role=api" };
  const own = await mesh.until(east.client.collection("orders", spec));
  await mesh.until(own.put({ id: 1 }));
  const far = await mesh.until(west.client.collection("orders", { key: "id" }));
  assert.deepEqual(await mesh.until(far.get(1)), { id: 1 });
  await fails("Refused", mesh.until(far.put({ id: 2 })));
  await failsCall(
    "Refused",
    mesh.until(west.node.runtime.request("$data/open", { name: "x", key: "id" }, { node: "east" })),
  );
  await failsCall(
    "Refused",
    mesh.until(west.node.runtime.request("$data/drop", { name: "orders" }, { node: "east" })),
  );
  await mesh.until(east.client.collection("orders", { key: "id", write: "role=web" }));
  await mesh.until(far.put({ id: 2 }));
  assert.equal(await mesh.until(east.client.drop("orders")), true);
  await fails("OwnerAway", mesh.until(far.get(1)));
});

Deno.test("an id that others have guessed stops a transaction aloud, and tells nothing of another one", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  for (const name of ["orders", "notes"]) {
    await mesh.until(east.client.collection(name, { key: "id" }));
  }
  const commit = (from: typeof east, collection: string, id: string, writes: readonly unknown[]) =>
    mesh.until(from.node.runtime.request(`data/${collection}/commit`, { id, reads: [], writes }));
  const put = (collection: string) => ({ kind: "put", collection, value: { id: "1" } });
  await failsCall("InvalidValue", commit(west, "notes", "order-1", []));
  await commit(west, "notes", "order-1", [put("notes")]);
  await failsCall("AlreadyExists", commit(east, "orders", "order-1", [put("orders")]));
  assert.equal((await east.engine.describe("orders")).count, 0);
  // Sent again, also by another node, it has happened.
  const again = await commit(east, "notes", "order-1", [put("notes")]) as { readonly isRepeated: boolean };
  assert.equal(again.isRepeated, true);
});

Deno.test("of two that open a collection at once one owns it, and the other uses that", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  mesh.advertDelayMs = 300;
  let owner: string | undefined;
  mesh.rights = {
    ...ALL_RIGHTS,
    mayOffer: (peer, path) => path.service !== "data" || owner === peer,
    claim: (peer) => Promise.resolve((owner ??= peer) === peer ? "granted" : "refused"),
  };
  const nodes = [await data.add("a"), await data.add("b"), await data.add("c")];
  const opened = await mesh.until(
    Promise.all(nodes.map(({ client }) => client.collection("orders", { key: "id" }))),
  );
  assert.deepEqual(new Set(opened.map((one) => one.owner)), new Set([owner]));
  // Without a leader's word nothing is made.
  mesh.rights = { ...mesh.rights, mayOffer: () => false, claim: () => Promise.resolve("unanswered") };
  await fails(
    "OwnerAway",
    mesh.until(nodes[1]?.client.collection("bills", { key: "id" }) ?? Promise.reject()),
  );
  assert.deepEqual(nodes[1]?.node.runtime.report("data/bills"), []);
  mesh.rights = { ...mesh.rights, claim: () => Promise.resolve("refused") };
  await fails(
    "OwnerAway",
    mesh.until(nodes[1]?.client.collection("bills", { key: "id" }) ?? Promise.reject()),
  );
});

Deno.test("who may offer everything, as a leader may, makes nothing that is somebody else's, heard of or not", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  mesh.rights = { ...ALL_RIGHTS, ownersOf: ({ service }) => service === "data" ? ["member"] : [] };
  const leader = await data.add("leader");
  await fails("OwnerAway", mesh.until(leader.client.collection("orders", { key: "id" })));
  assert.deepEqual(leader.node.runtime.report("data/orders"), []);
  assert.ok((await leader.engine.collections()).every(({ name }) => name !== "orders"));
  mesh.advertDelayMs = 300;
  const member = await data.add("member");
  const own = await mesh.until(member.client.collection("orders", { key: "id" }));
  await mesh.until(own.put({ id: 1 }));
  const far = await mesh.until(leader.client.collection("orders", { key: "id" }));
  assert.equal(far.owner, "member");
  assert.deepEqual(await mesh.until(far.get(1)), { id: 1 });
});

Deno.test("of two leaders that open a collection at once the one that was given it owns it, though both may offer it", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  mesh.advertDelayMs = 300;
  const nodes = [await data.add("east"), await data.add("west")];
  const asked = new Set<string>();
  const both = Promise.withResolvers<"granted">();
  mesh.rights = {
    ...ALL_RIGHTS,
    ownersOf: ({ service }) => service === "data" && asked.size === 2 ? ["west"] : [],
    claim: (peer, { service }) => {
      if (service !== "data") return Promise.resolve("granted");
      if (asked.add(peer).size === 2) both.resolve("granted");
      return both.promise;
    },
  };
  const opened = await mesh.until(
    Promise.all(nodes.map(({ client }) => client.collection("orders", { key: "id" }))),
  );
  assert.deepEqual(opened.map((each) => each.owner), ["west", "west"]);
});

Deno.test("whatever is sent to a collection is answered by a failure of its kind, and changes nothing", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  await mesh.until(east.client.collection("orders", { key: "id" }));
  const actions = [
    "get",
    "list",
    "query",
    "watch",
    "put",
    "post",
    "patch",
    "delete",
    "commit",
    "transaction",
  ];
  const odd = [null, 1, "x", [], { key: {} }, { keys: [[]] }, { value: 1 }, { value: { id: {} } }, {
    writes: [1],
  }];
  const odder = [
    { reads: [{}] },
    { writes: [{ kind: "drop" }] },
    { query: 1 },
    { where: {} },
    { limit: -1 },
    { after: [] },
  ];
  const more = [{ writes: [{ kind: "put", collection: "a/b", value: {} }] }, { id: 1 }, {
    id: "x".repeat(200),
    writes: [],
  }];
  for (const action of actions) {
    for (const params of [...odd, ...odder, ...more]) {
      const answer = mesh.until(west.node.runtime.request(`data/orders/${action}`, params));
      await answer.then(
        (value) => void (value instanceof ReadableStream && value.cancel()),
        (error) => {
          assert.ok(error instanceof CallError);
          assert.notEqual(
            error.code,
            "HandlerFailed",
            `${action} ${JSON.stringify(params)}: ${error.message}`,
          );
        },
      );
    }
  }
  assert.equal((await east.engine.describe("orders")).revision, 0);
});

Deno.test("watches are bounded for each caller", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  await mesh.until(east.client.collection("orders", { key: "id" }));
  const far = await mesh.until(west.client.collection("orders", { key: "id" }));
  const watches = Array.from({ length: MAX_WATCHES_PER_CALLER }, () => far.watch());
  for (const watch of watches) await mesh.until(watch.ready);
  await fails("TooManyWatches", mesh.until(far.watch().ready));
  watches[0]?.close();
  await mesh.advance(10);
  await mesh.until(far.watch().ready);
});

Deno.test("a query that would hold its owner up for too long is ended", async () => {
  const engine = openSample();
  await engine.create({ name: "many", key: "id", index: [] });
  for (let i = 0; i < 5; i++) {
    const writes = Array.from({ length: 1_000 }, (_, n) => ({
      ...{ kind: "put", collection: "many", value: { id: i * 1_000 + n } } as const,
    }));
    await engine.commit({ reads: [], writes });
  }
  const { parseQuery } = await import("../../query/mod.ts");
  const { DataError } = await import("../errors.ts");
  let looks = 0;
  const slow = engine.query("many", parseQuery("select count(*) from many"), {}, {
    onProgress: () => {
      if (++looks === 3) throw new DataError("TooMuchWork", "too long");
    },
  });
  await fails("TooMuchWork", slow);
  assert.equal(looks, 3);
  // Whatever it finds, by an index or not, it looks at the time.
  await engine.create({ name: "many", key: "id", index: ["status"] });
  for (const where of ["nothing = 1", "id = 9999999", "status != x", "not (status > a)"]) {
    looks = 0;
    await engine.query("many", parseQuery(`select id from many where ${where} limit 1 page 1000000`), {}, {
      onProgress: () => void looks++,
    });
    assert.ok(looks >= 19, `${where}: ${looks}`);
  }
  assert.deepEqual(await engine.query("many", parseQuery("select count(*) from many")), [{
    "count(*)": 5_000,
  }]);
  await fails(
    "TooLarge",
    engine.query("many", parseQuery("select * from many where id >= 0")).then(async (rows) => {
      // Of short values all fit: with more of them they do not.
      assert.equal(rows.length, 5_000);
      for (let n = 0; n < 5; n++) {
        await engine.commit({
          reads: [],
          writes: [{ kind: "put", collection: "many", value: { id: -n - 1, text: "x".repeat(200_000) } }],
        });
      }
      return await engine.query("many", parseQuery("select * from many"));
    }),
  );
  await engine.close();
});

Deno.test("a full database says so, and goes on when there is room again", async () => {
  const engine = openSample(":memory:", { maxBytes: 400_000 });
  await engine.create({ name: "many", key: "id", index: [] });
  const put = (id: number) =>
    engine.commit({
      reads: [],
      writes: [{ kind: "put", collection: "many", value: { id, text: "x".repeat(10_000) } }],
    });
  let written = 0;
  const full = (async () => {
    for (;; written++) await put(written);
  })();
  const { retryable } = await fails("DiskFull", full);
  assert.equal(retryable, true);
  assert.ok(written > 5, `${written}`);
  const { revision, count } = await engine.describe("many");
  assert.equal(count, written);
  assert.equal((await engine.get("many", ["0"]))[0]?.key, "0");
  // Of several at once all fail, and nothing of them is there.
  const several = await Promise.allSettled([put(1_000), put(1_001)]);
  assert.deepEqual(several.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal((await engine.describe("many")).revision, revision);
  assert.equal((await engine.changes("many", revision, 10)).length, 0);
  await engine.drop("many");
  await engine.create({ name: "many", key: "id", index: [] });
  await put(1);
  await engine.close();
});
