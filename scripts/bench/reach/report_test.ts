import assert from "node:assert/strict";
import type { Cell } from "./cell.ts";
import { matrixTable, roamingTable, throughputTable } from "./report.ts";

const cells: readonly Cell[] = [
  {
    pair: ["open", "open"],
    theory: "IPv6",
    results: {
      weft: {
        firstPacketMs: 100,
        directMs: 250,
        path: "direct UDP/IPv6",
        carriedBy: "direct UDP/IPv6",
        bitsPerSecond: 3e9,
      },
      other: {
        firstPacketMs: 200,
        directMs: 500,
        path: "relayed UDP/IPv6",
        carriedBy: "direct UDP/IPv6",
        bitsPerSecond: 1e9,
      },
    },
  },
  {
    pair: ["open", "udp-blocked"],
    theory: "none",
    results: { weft: { firstPacketMs: 500, path: "relayed TCP/IPv4" }, other: { failure: "no" } },
  },
];

Deno.test("matrixTable() shows both contenders and their ratio, and what never came", () => {
  const [, , first, second] = matrixTable(cells, ["weft", "other"]).split("\n");
  assert.equal(
    first,
    "| open – open | IPv6 | direct UDP/IPv6 | relayed UDP/IPv6, then direct UDP/IPv6 | 0.10 / 0.20 (0.50) | 0.25 / 0.50 (0.50) | 3000 / 1000 (3.00) |",
  );
  assert.equal(
    second,
    "| open – udp-blocked | none | relayed TCP/IPv4 | not up | 0.50 / never |  | 0 / 0 |",
  );
});

Deno.test("throughputTable() has the middle of each kind of path", () => {
  const [, , row] = throughputTable(cells, ["weft", "other"]).split("\n");
  assert.equal(row, "| direct UDP/IPv6 | 3000 / 1000 (3.00) | 1 / 1 |");
});

Deno.test("roamingTable() tells a flow that broke", () => {
  const journey = { from: "open", to: "double-nat", partner: "open" } as const;
  const [, , row] = roamingTable([{ journey, results: { weft: { receivingMs: 900 } } }], ["weft"]).split(
    "\n",
  );
  assert.equal(row, "| open – double-nat | open | 0.90 | broken |");
});
