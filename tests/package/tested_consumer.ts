/**
 * A program of users, and their test of it; `test_kit_test.ts` runs it outside of the tree.
 * @module
 */

import assert from "node:assert/strict";
import { CallError, defineService, Node, type ServiceNode } from "@weft/mesh";
import { type LinkImpairment, type LogLine, TestMesh, type TestNode } from "@weft/mesh/testing";

const stock = defineService({
  path: "stock",
  actions: { count: ({ item }: { item: string }) => item.length },
});

/** Sells what is there. Runs on a node, and in a test on one of its own. */
export class Shop {
  readonly #node: ServiceNode;

  constructor(node: ServiceNode) {
    this.#node = node;
  }

  async has(item: string): Promise<boolean | undefined> {
    try {
      return await this.#node.service<typeof stock>("stock").request("count", { item }) > 0;
    } catch (error) {
      if (error instanceof CallError && error.code === "Timeout") return undefined;
      throw error;
    }
  }
}

/** How the program runs. */
export async function main(token: string): Promise<void> {
  await using node = await Node.join(token, { name: "shop", stateDir: "./shop" });
  await new Shop(node).has("tea");
}

Deno.test("the shop does not know when the store is slow", async () => {
  await using mesh = new TestMesh({ seed: 7 });
  const [shopNode, store]: readonly [TestNode, TestNode] = await mesh.addNodes("shop", "store");
  await store.addService(stock);
  const shop = new Shop(shopNode);
  assert.equal(await shop.has("tea"), true);
  assert.equal(await shop.has(""), false);

  const slow: LinkImpairment = { delayMs: 6_000 };
  mesh.impair(slow, shopNode, store);
  assert.equal(await mesh.until(shop.has("tea")), undefined);
  assert.equal(mesh.nowMs, 10_000);
  mesh.impair({ delayMs: 3_000 });
  assert.equal(await mesh.until(shop.has("tea")), true);
  const errors: readonly LogLine[] = mesh.logs.filter(({ level }) => level === "error");
  assert.deepEqual(errors, []);
});
