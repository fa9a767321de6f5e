import assert from "node:assert/strict";
import { isWanted, parseOptions } from "./options.ts";

Deno.test("parseOptions() reads what is there and keeps the defaults of the rest", () => {
  assert.deepEqual(parseOptions([]), { rounds: 3, seconds: 1.5, only: undefined });
  assert.deepEqual(
    parseOptions(["--seconds", "0.5", "--only", "weft", "--rounds", "1", "--only", "100 B, 1 in"]),
    {
      rounds: 1,
      seconds: 0.5,
      only: ["weft", "100 B, 1 in"],
    },
  );
});

Deno.test("parseOptions() rejects what makes no sense", () => {
  const cases = [["--rounds"], ["--rounds", "0"], ["--rounds", "1.5"], ["--seconds", "-1"], [
    "--seconds",
    "1e9",
  ], [
    "--only",
    "",
  ], ["--round", "1"]];
  for (const args of cases) assert.throws(() => parseOptions(args), TypeError, args.join(" "));
});

Deno.test("isWanted() looks for any of the texts in the contender and the step together", () => {
  const all = parseOptions([]);
  const some = parseOptions(["--only", "weft: 100 B, 16", "--only", "subscriber"]);
  const requests = { what: "100 B, 16 in flight" };
  assert.ok(isWanted(all, "NATS", requests));
  assert.ok(isWanted(some, "weft", requests));
  assert.ok(!isWanted(some, "weft", { what: "100 B, 1 in flight" }));
  assert.ok(!isWanted(some, "NATS", requests));
  assert.ok(isWanted(some, "NATS", { what: "1 subscriber" }));
});

Deno.test("isWanted() gives a step of one contender to no other", () => {
  const transfer = { what: "transfer", only: "weft" };
  assert.ok(isWanted(parseOptions([]), "weft", transfer));
  assert.ok(!isWanted(parseOptions([]), "NATS", transfer));
  assert.ok(!isWanted(parseOptions(["--only", "transfer"]), "NATS", transfer));
});
