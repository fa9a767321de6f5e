import assert from "node:assert/strict";
import type { ServerStatus } from "./server_calls.ts";
import { checkReplaceable } from "./server_replacement.ts";

type Health = ServerStatus["health"];

const whole: Health = { leader: "weft-b", copies: ["weft-a", "weft-b", "weft-c"], behind: ["weft-a"] };
const seen = (name: string, state?: ServerStatus["state"], health?: Health) => ({
  name,
  isKnown: true,
  status: state && { serverName: `weft-${name}`, state, ...health !== undefined && { health } },
});
const lost = seen("a");

Deno.test("checkReplaceable() lets one of three be replaced while both others have all that was written", () => {
  checkReplaceable(lost, [seen("b", "running"), seen("c", "running", whole)]);
  checkReplaceable(lost, [
    seen("b", "running", { leader: "weft-b", behind: ["weft-a"] }),
    seen("c", "running"),
  ]);
  checkReplaceable(lost, [
    seen("b", "running", { ...whole, copies: ["weft-a", "weft-b", "weft-c", "weft-d"] }),
    ...[seen("c", "running"), seen("d", "running"), seen("e")],
  ]);
});

for (
  const [what, one, staying, code] of [
    [
      "who answers",
      seen("a", "failed"),
      [seen("b", "running", whole), seen("c", "running")],
      "ServerNotLost",
    ],
    ["who was alone", lost, [], "QuorumLost"],
    ["the second that is away", lost, [seen("b", "running", whole), seen("c")], "QuorumLost"],
    [
      "with another that does not run",
      lost,
      [seen("b", "running", whole), seen("c", "starting")],
      "QuorumLost",
    ],
    ["while nobody leads", lost, [seen("b", "running"), seen("c", "running")], "QuorumLost"],
    [
      "while the leader's choice is open",
      lost,
      [seen("b", "running", { ...whole, leader: "" }), seen("c", "running")],
      "QuorumLost",
    ],
    [
      "while another one is behind",
      lost,
      [seen("b", "running", { ...whole, behind: ["weft-a", "weft-c"] }), seen("c", "running")],
      "QuorumLost",
    ],
    [
      "while another one has no copy yet",
      lost,
      [seen("b", "running", { ...whole, copies: ["weft-a", "weft-b"] }), seen("c", "running")],
      "QuorumLost",
    ],
  ] as const
) {
  Deno.test(`checkReplaceable() refuses ${what}`, () => {
    assert.throws(() => checkReplaceable(one, staying), { code, message: /on a: / });
  });
}

Deno.test("checkReplaceable() says which others are not there, and that it helps to bring them back", () => {
  const check = () => checkReplaceable(lost, [seen("b", "running", whole), seen("c")]);
  assert.throws(check, { message: /of 3 servers only 1 runs, and c does not$/, retryable: true });
});
