import assert from "node:assert/strict";
import type { RouteReport } from "../../../api/mod.ts";
import { exitsText, exitText } from "./exit_commands.ts";
import { routesText, routeText } from "./route_commands.ts";

const terminal = { isInteractive: false, hasColours: false, columns: 80 } as unknown as Parameters<
  typeof routesText
>[1];

const ROUTE: RouteReport = {
  network: "192.168.50.0/24",
  node: "web-1",
  state: "approved",
  masquerade: true,
  isExit: false,
  use: "carries",
};

Deno.test("routesText() shows who leads where, what is used here, and why not", () => {
  const text = routesText([
    ROUTE,
    { ...ROUTE, node: "web-2", use: "standby", masquerade: false },
    { ...ROUTE, network: "10.9.0.0/16", use: "none", problem: "this host leads 10.0.0.0/8 to eth0 already" },
    { ...ROUTE, network: "10.8.0.0/16", state: "offered", use: "none" },
  ], terminal);
  assert.match(text, /^NETWORK +BY +STATE +SOURCE +HERE$/m);
  assert.match(text, /^192\.168\.50\.0\/24 +web-1 +approved +masqueraded +used$/m);
  assert.match(text, /^192\.168\.50\.0\/24 +web-2 +approved +kept +standby$/m);
  assert.match(text, /^10\.9\.0\.0\/16 .* no: this host leads 10\.0\.0\.0\/8 to eth0 already$/m);
  assert.match(text, /^10\.8\.0\.0\/16 +web-1 +offered/m);
  assert.match(routesText([], terminal), /`weft route add` offers/);
});

Deno.test("routeText() says what a leader does about an offer", () => {
  assert.match(
    routeText({ ...ROUTE, state: "offered" }),
    /`weft route approve 192\.168\.50\.0\/24 web-1`\n$/,
  );
  assert.equal(
    routeText({ ...ROUTE, problem: "no way" }),
    "web-1 leads members to 192.168.50.0/24\nwarning: no way\n",
  );
  assert.equal(routeText({ ...ROUTE, state: "rejected" }), "web-1 leads nobody to 192.168.50.0/24\n");
});

Deno.test("exitText() says what gets out, and what to do when nothing does", () => {
  const exit = { node: "web-1", blocksLan: false, families: [4, 6] } as const;
  assert.equal(exitText(exit), "Everything goes through web-1; while it is away, nothing gets out\n");
  assert.match(exitText({ ...exit, families: [4] }), /web-1; IPv6 gets out nowhere;/);
  assert.match(
    exitText({ ...exit, problem: "web-1 does not answer" }),
    /^warning: nothing gets out: .*\nhint: /,
  );
  assert.equal(exitText({ ...exit, node: null }), "Everything goes as it did without weft\n");
  const list = exitsText([{ ...ROUTE, network: "::/0", isExit: true, use: "carries" }], exit, terminal);
  assert.match(list, /^web-1 +::\/0 +approved +used$/m);
  assert.match(list, /Everything goes through web-1/);
});
