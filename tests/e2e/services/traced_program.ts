/**
 * Two nodes that call each other: `lead NAME STATE_DIR PORT` prints a token and serves orders, for which it asks the
 * stock; `TOKEN NAME STATE_DIR PORT` serves the stock, orders once, and once more what there is not.
 * @module
 */

import { ActionError, type CallContext, Node, OverlayBootstrap } from "../../../mod.ts";

const [token = "", name = "", stateDir = "", port = ""] = Deno.args;
const options = { name, stateDir, port, endpoints: `127.0.0.1:${port}` };

if (token === "lead") {
  const lead = await OverlayBootstrap.initLeader({ ...options, rootless: true, discovery: false });
  await lead.start();
  await lead.services.runtime.addService({
    path: "shop/orders",
    actions: {
      create: async (item: string, context: CallContext) => {
        await context.publish("shop/orders/created", item);
        return await context.request("shop/stock/take", item);
      },
    },
  });
  const grants = { offer: ["shop/stock"] };
  const { token } = lead.control.createToken({ lifetimeMs: 600_000, grants });
  // What `console` writes is exported, too.
  Deno.stdout.writeSync(new TextEncoder().encode(`${token}\n`));
  await lead.closed;
} else {
  await using node = await Node.join(token, options);
  await node.addService({
    path: "shop/stock",
    actions: {
      take: (item: string) => {
        if (item === "gold") throw new ActionError("OutOfStock", "there is no gold, says a secret source");
        return `${item} taken`;
      },
    },
  });
  const events = node.on("shop/orders/created");
  await node.waitFor(["shop/orders", "shop/stock"]);
  const answer = await node.request("shop/orders/create", "tea");
  const failure = await node.request("shop/orders/create", "gold").catch((error) => error.code);
  for await (const event of events) {
    if (event.data === "gold") break;
  }
  // deno-lint-ignore no-console -- the test reads it
  console.log(answer, failure);
}
